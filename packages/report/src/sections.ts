import type { ReportDocument } from "@manyfold/protocol";
import { resamplingBands } from "./figures/bands.ts";
import { confusionMatrix } from "./figures/confusion.ts";
import { correlationMaps } from "./figures/correlation.ts";
import { learningCurves } from "./figures/learning.ts";
import { probeFigures } from "./figures/probes.ts";
import { residualPlots } from "./figures/residuals.ts";
import { timeline } from "./figures/timeline.ts";
import { html, type Html } from "./html.ts";
import type { Scored } from "./scored.ts";
import { growth } from "./sections/growth.ts";
import { curve, law } from "./sections/law.ts";
import { members } from "./sections/members.ts";
import {
  calibration,
  conformal,
  diversity,
  hardest,
  margins,
  parts,
  selective,
} from "./sections/observatory.ts";
import { provenance, settings } from "./sections/provenance.ts";
import { comparison, furtherTargets, outOfBag, robustness } from "./sections/scores.ts";
import { rowsSection } from "./sections/rows.ts";
import { search } from "./sections/search.ts";
import type { Subject } from "./subject.ts";

/** A part of a page about `Of`. */
export interface Section<Of = ReportDocument> {
  readonly id: string;
  readonly title: (subject: Subject) => string;
  /** Its content, or null where there is nothing for it. */
  readonly content: (document: Of, subject: Subject) => Html | null;
}

type OfScored = Section<{ readonly result: Scored }>;

/** Why members' average errs as it does. */
const errors: readonly OfScored[] = [
  {
    id: "law",
    title: ({ ensemble }) => (ensemble ? "Why the average beats its parts" : "The error"),
    content: ({ result }, subject) => result.analysis && law(result.analysis, subject),
  },
  {
    id: "curve",
    title: () => "Error over the number of members",
    content: ({ result }, subject) => result.analysis && curve(result.analysis, subject),
  },
];

const grown: readonly Section[] = [
  {
    id: "rows",
    title: () => "What more rows would bring",
    content: ({ result }, subject) =>
      result.learningCurve ? rowsSection(result.learningCurve, subject) : null,
  },
  {
    id: "growth",
    title: () => "When it was enough",
    content: ({ result }) => (result.growth ? growth(result.growth) : null),
  },
];

/** What members have in common and what they do not. */
const reasons: readonly OfScored[] = [
  {
    id: "members",
    title: () => "Members",
    content: ({ result }, subject) => members(result.analysis, result.members, subject),
  },
  {
    id: "correlation",
    title: () => "Who errs with whom",
    content: ({ result }) => result.analysis && correlationMaps(result.analysis),
  },
  {
    id: "parts",
    title: () => "Bias, variance, covariance",
    content: ({ result: { observatory } }, subject) =>
      observatory === undefined ? null : parts(observatory, subject),
  },
  {
    id: "diversity",
    title: () => "Diversity",
    content: ({ result: { observatory } }) =>
      observatory === undefined ? null : diversity(observatory),
  },
  {
    id: "calibration",
    title: ({ classification }) =>
      classification ? "Can the probabilities be trusted?" : "Are the error bars right?",
    content: ({ result: { observatory } }, subject) =>
      observatory === undefined ? null : calibration(observatory, subject),
  },
  {
    id: "conformal",
    title: ({ classification }) =>
      classification ? "Sets that hold the true class" : "Intervals that hold the true value",
    content: ({ result: { observatory } }, subject) =>
      observatory === undefined ? null : conformal(observatory, subject),
  },
  {
    id: "bands",
    title: () => "With other training rows",
    content: ({ result: { observatory } }, subject) =>
      observatory?.jackknife ? resamplingBands(observatory.jackknife, subject) : null,
  },
  {
    id: "margins",
    title: () => "Margins",
    content: ({ result: { observatory } }, subject) =>
      observatory === undefined ? null : margins(observatory, subject),
  },
  {
    id: "abstention",
    title: () => "Does it know where it errs?",
    content: ({ result: { observatory } }, subject) =>
      observatory === undefined ? null : selective(observatory, subject),
  },
  {
    id: "hardest",
    title: () => "The hardest rows",
    content: ({ result: { observatory } }, subject) =>
      observatory === undefined ? null : hardest(observatory, subject),
  },
];

const trained: readonly Section[] = [
  {
    id: "learning",
    title: () => "Learning curves",
    content: ({ result }, subject) => learningCurves(result.members, subject.loss),
  },
  {
    id: "probes",
    title: () => "Inside the training",
    content: ({ result }) => probeFigures(result.members),
  },
];

/** The answers themselves, and other ways to them. */
const answers: readonly OfScored[] = [
  {
    id: "confusion",
    title: () => "What is taken for what",
    content: ({ result }, { classes }) =>
      result.confusion && confusionMatrix(result.confusion, classes),
  },
  {
    id: "residuals",
    title: () => "Residuals",
    content: ({ result }, { target, ensemble }) =>
      result.residuals && residualPlots(result.residuals, target, ensemble),
  },
  {
    id: "comparison",
    title: () => "Other ways to combine the members",
    content: ({ result }, subject) => comparison(result, subject),
  },
];

const told: readonly Section[] = [
  {
    id: "oob",
    title: () => "Out-of-bag score",
    content: ({ result }, subject) => result.oob && outOfBag(result.oob, subject),
  },
  {
    id: "heads",
    title: () => "Further targets",
    content: ({ result }) => (result.heads ? furtherTargets(result.heads) : null),
  },
  {
    id: "robustness",
    title: () => "Under attack",
    content: ({ result }) => (result.robustness ? robustness(result.robustness) : null),
  },
  {
    id: "search",
    title: () => "The search",
    content: ({ result }) => result.search && search(result.search, result.experiment.search),
  },
  {
    id: "timeline",
    title: () => "Who did what when",
    content: ({ execution }) => timeline(execution.timeline ?? []),
  },
  { id: "settings", title: () => "Settings", content: ({ result }) => settings(result.experiment) },
  { id: "provenance", title: () => "Provenance", content: (document) => provenance(document) },
  {
    id: "notes",
    title: () => "Notes on the data",
    content: ({ result }) =>
      result.data.notes.length === 0
        ? null
        : html`<ul>
            ${result.data.notes.map((note) => html`<li>${note}</li>`)}
          </ul>`,
  },
];

/** The page of a run below its head, in order. */
export const sections: readonly Section[] = [
  ...errors,
  ...grown,
  ...reasons,
  ...trained,
  ...answers,
  ...told,
];

/** The page of predictions that came from anywhere. */
export const scoredSections: readonly OfScored[] = [...errors, ...reasons, ...answers];
