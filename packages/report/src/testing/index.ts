export {
  bagReport,
  failedReport,
  regressionReport,
  searchReport,
  singleReport,
  trainingRowsReport,
} from "./documents.ts";
