export {
  bagReport,
  dropoutReport,
  failedReport,
  regressionReport,
  searchReport,
  singleReport,
  trainingRowsReport,
} from "./documents.ts";
