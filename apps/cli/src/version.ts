/** The version that is written into journals, artifacts and reports. */
export const VERSION = "0.1.0";
