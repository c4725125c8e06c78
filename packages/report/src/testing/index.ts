export {
  bagReport,
  dropoutReport,
  failedReport,
  regressionReport,
  schedulerReport,
  searchReport,
  singleReport,
  trainingRowsReport,
} from "./documents.ts";
