// Typed columns of a source.
export type { Cells } from "./cells.ts";
export type { InputRows, RawColumn } from "./column.ts";
export { rawTable } from "./raw-table.ts";
export type { RawTable, RawTarget } from "./raw-table.ts";

// Preprocessing: fitted on training rows, applied anywhere.
export { fitPreprocessing } from "./preprocessing.ts";
export { encodeRows, encodeTargets } from "./encode.ts";
export { inputsFromCells, inputsFromRecords } from "./records.ts";
export { rowEncoder } from "./row-encoder.ts";

// Rows: splits and folds of an experiment, draws of its members.
export { foldRows, splitRows } from "./splits.ts";
export type { Split, SplitBy } from "./splits.ts";
export { drawFrom, drawRows, drawUnlabelled, memberKey } from "./draws.ts";
export { drawnCount, leavesRowsOut } from "./schemes.ts";
export type { Draw, DrawBy, DrawOf, MemberPlace } from "./draws.ts";

// Prepared tables.
export { decodeTable, encodeTable, ROLES, rowsOf, tableRef } from "./table.ts";
export type { Table, TableColumns } from "./table.ts";
export { prepare } from "./prepare.ts";
export type { Prepared } from "./prepare.ts";
