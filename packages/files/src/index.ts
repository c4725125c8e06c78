// Data files.
export { parseCsv, readCells, readCsv } from "./csv.ts";
export { streamCells } from "./csv-stream.ts";
export type { CellRows, StreamOptions } from "./csv-stream.ts";
export { hashOf } from "./hash.ts";

// Blobs and journals, on disk and in memory.
export { directoryCache } from "./cache.ts";
export type { BlobCache } from "./cache.ts";
export type { Incoming } from "./incoming.ts";
export { directoryBlobs, memoryBlobs } from "./blobs.ts";
export { cacheBlobs } from "./blob-cache.ts";
export type { BlobCacheOptions } from "./blob-cache.ts";
export { fileJournal, readJournal } from "./journal.ts";
export { tailJournal } from "./journal-tail.ts";
export type { JournalTail, News } from "./journal-tail.ts";
export { memoryJournal } from "./memory-journal.ts";

// Outputs, whole or not at all, and the artifact among them.
export { makeFolder, writeFileAtomic, writeFolderAtomic } from "./durable.ts";
export { readInput } from "./input-file.ts";
export { readArtifact } from "./artifact.ts";
export type { ArtifactBytes } from "./artifact.ts";
