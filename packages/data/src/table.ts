import {
  DatasetRef,
  hashBytes,
  ManyfoldError,
  show,
  type Hash,
  type Role,
} from "@manyfold/protocol";

/** Codes of the roles in {@link Table.roles}. */
export const ROLES = [
  "train",
  "validation",
  "test",
  "unlabelled",
] as const satisfies readonly Role[];

/** A prepared table: views on its bytes, nothing copied. */
export interface Table {
  readonly ref: DatasetRef;
  /** Inputs `[rows, inputs]`. */
  readonly x: Float32Array;
  /** Targets `[rows, targets]`: a class index, or values in scaled units; 0 where there is none. */
  readonly y: Float32Array;
  /** Targets of the model's further heads `[rows, heads]`, each a class index or a scaled value. */
  readonly sides: Float32Array;
  /** Index into {@link ROLES} per row. */
  readonly roles: Uint8Array;
  /** Row of the source per row, from 0, ascending. */
  readonly rowNumbers: Uint32Array;
  /** Group per row, where a draw goes by them. */
  readonly groups?: Uint32Array | undefined;
}

/** A table's columns before they are put into bytes. */
export interface TableColumns extends Omit<Table, "ref" | "sides"> {
  /** Number of classes; 0 for regression. */
  readonly classes: number;
  readonly sides?: Float32Array;
  /** Number of classes of each further head; 0 for regression. */
  readonly heads?: readonly number[];
}

const MAGIC = "MFTABLE\n";
const VERSION = 1;
/** Magic (8 bytes), version and length of the JSON header (uint32 each). */
const PREFIX = 16;
/** A cache line, and more than any view on the bytes needs. */
const ALIGNMENT = 64;

const Header = DatasetRef.omit({ hash: true, bytes: true }).extend({
  /** One more than the largest number of a group, where a column of them follows the others. */
  groups: DatasetRef.shape.rows.optional(),
});
type Header = Omit<DatasetRef, "hash" | "bytes"> & {
  readonly groups?: number | undefined;
};

/** Byte offsets of the columns and the length of the whole, which follow from the header. */
function layout(header: Header, headerBytes: number) {
  const { rows, inputs, targets, heads = [] } = header;
  const x = aligned(PREFIX + headerBytes);
  const y = aligned(x + 4 * rows * inputs);
  const sides = aligned(y + 4 * rows * targets);
  const roles = aligned(sides + 4 * rows * heads.length);
  const rowNumbers = aligned(roles + rows);
  const end = rowNumbers + 4 * rows;
  if (!header.groups) return { x, y, sides, roles, rowNumbers, groups: end, length: end };
  const groups = aligned(end);
  return { x, y, sides, roles, rowNumbers, groups, length: groups + 4 * rows };
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

/**
 * A table as bytes: magic, version, JSON header, then the columns x, y, those of further heads where
 * there are any, roles, row numbers and, where there are any, groups, each little-endian and at a
 * multiple of 64 bytes. Equal tables are equal bytes.
 */
export function encodeTable(columns: TableColumns): Uint8Array<ArrayBuffer> {
  const rows = columns.roles.length;
  const header: Header = {
    rows,
    inputs: columns.x.length / rows,
    targets: columns.y.length / rows,
    classes: columns.classes,
    ...(columns.heads && columns.heads.length > 0 && { heads: [...columns.heads] }),
    ...(columns.groups && { groups: Math.max(...columns.groups) + 1 }),
  };
  const json = new TextEncoder().encode(JSON.stringify(Header.parse(header)));
  const at = layout(header, json.length);
  const bytes = new Uint8Array(at.length);
  bytes.set(new TextEncoder().encode(MAGIC));
  const view = new DataView(bytes.buffer);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, json.length, true);
  bytes.set(json, PREFIX);
  new Float32Array(bytes.buffer, at.x, columns.x.length).set(columns.x);
  new Float32Array(bytes.buffer, at.y, columns.y.length).set(columns.y);
  if (columns.sides)
    new Float32Array(bytes.buffer, at.sides, columns.sides.length).set(columns.sides);
  bytes.set(columns.roles, at.roles);
  new Uint32Array(bytes.buffer, at.rowNumbers, rows).set(columns.rowNumbers);
  if (columns.groups) new Uint32Array(bytes.buffer, at.groups, rows).set(columns.groups);
  return bytes;
}

/**
 * The name of a table's bytes.
 *
 * @param hash sha256, where a faster one than the portable one is at hand
 */
export function tableRef(
  bytes: Uint8Array,
  hash: (bytes: Uint8Array) => Hash = hashBytes,
): DatasetRef {
  const { groups: _, ...header } = readHeader(bytes).header;
  return { hash: hash(bytes), bytes: bytes.length, ...header };
}

/**
 * Views on a table's bytes. The views share the bytes' memory (ordinary or shared), unless these
 * begin at an odd place in it, in which case they are copied once.
 *
 * @param ref what the bytes must be (their hash is taken as checked); computed by default
 * @throws ManyfoldError where the bytes are no table, of a newer version, or of another size
 */
export function decodeTable(bytes: Uint8Array, ref: DatasetRef = tableRef(bytes)): Table {
  const { header, headerBytes } = readHeader(bytes);
  for (const name of ["rows", "inputs", "targets", "classes"] as const) {
    if (header[name] !== ref[name]) {
      throw damaged(`of ${ref[name]} ${name}, as its reference says`, String(header[name]));
    }
  }
  const { rows, inputs, targets, classes, heads = [] } = header;
  const [found, told] = [heads, ref.heads ?? []].map((own) => own.join(", "));
  if (found !== told) throw damaged(`of heads [${told}], as its reference says`, `[${found}]`);
  const at = layout(header, headerBytes);
  const own = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = own;
  const y = new Float32Array(buffer, byteOffset + at.y, rows * targets);
  const roles = own.subarray(at.roles, at.roles + rows);
  const role = roles.findIndex((code) => code >= ROLES.length);
  if (role >= 0) throw damaged("of known roles", String(roles[role]));
  const label = classes === 0 ? -1 : y.findIndex((value) => !isClass(value, classes));
  if (label >= 0) throw damaged(`of class indices below ${classes}`, String(y[label]));
  const sides = new Float32Array(buffer, byteOffset + at.sides, rows * heads.length);
  const odd = sides.findIndex((value, at) => {
    const own = heads[at % heads.length]!;
    return own > 0 && !isClass(value, own);
  });
  if (odd >= 0) throw damaged("of class indices in its further heads", String(sides[odd]));
  return {
    ref,
    x: new Float32Array(buffer, byteOffset + at.x, rows * inputs),
    y,
    sides,
    roles,
    rowNumbers: new Uint32Array(buffer, byteOffset + at.rowNumbers, rows),
    ...(header.groups && { groups: new Uint32Array(buffer, byteOffset + at.groups, rows) }),
  };
}

function isClass(value: number, classes: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < classes;
}

function readHeader(bytes: Uint8Array): { header: Header; headerBytes: number } {
  // Copied first: text cannot be decoded from shared memory in a browser.
  const prefix = bytes.slice(0, PREFIX);
  const magic = new TextDecoder().decode(prefix.subarray(0, 8));
  if (prefix.length < PREFIX || magic !== MAGIC) {
    throw damaged("a prepared table of Manyfold", `bytes that begin with ${show(magic)}`);
  }
  const view = new DataView(prefix.buffer);
  const version = view.getUint32(8, true);
  if (version !== VERSION) {
    throw damaged(
      `of version ${VERSION}`,
      String(version),
      version > VERSION
        ? "It was written by a newer Manyfold: update this one."
        : "Prepare the data again.",
    );
  }
  const headerBytes = view.getUint32(12, true);
  if (PREFIX + headerBytes > bytes.length) {
    throw damaged("complete", `${bytes.length} bytes`);
  }
  const text = new TextDecoder().decode(bytes.slice(PREFIX, PREFIX + headerBytes));
  const header = parseHeader(text);
  const { length } = layout(header, headerBytes);
  if (length !== bytes.length) {
    throw damaged(`${length} bytes long, as its header says`, `${bytes.length} bytes`);
  }
  return { header, headerBytes };
}

function parseHeader(text: string): Header {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged("headed by JSON", show(text));
  }
  const parsed = Header.safeParse(value);
  if (!parsed.success) throw damaged("headed by its sizes", show(text));
  return parsed.data;
}

function damaged(
  condition: string,
  got: string,
  help = "The file is damaged: prepare the data again.",
): ManyfoldError {
  return new ManyfoldError({ code: "artifact", path: "prepared table", condition, got, help });
}

/** Indices of a table's rows of one role, ascending. */
export function rowsOf(table: Table, role: Role): Uint32Array {
  const code = ROLES.indexOf(role);
  const found: number[] = [];
  for (const [row, own] of table.roles.entries()) if (own === code) found.push(row);
  return Uint32Array.from(found);
}
