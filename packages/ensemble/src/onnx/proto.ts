import { BinaryWriter } from "@bufbuild/protobuf/wire";

/** Element types of ONNX tensors that are written here (onnx.proto, TensorProto.DataType). */
export const TYPES = { float: 1, int64: 7, string: 8, bool: 9, double: 11 } as const;
export type ElementType = keyof typeof TYPES;

/** A constant; strings where its type is `string`. */
export interface Tensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number> | readonly string[];
}

export type Attribute = number | readonly number[];

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  /** Of which the first is used. */
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A named value that goes in or out; a text stands for a size that is not fixed. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** Wire types of protocol buffers: numbers, and what has a length. */
const VARINT = 0;
const BYTES = 2;

type Write = (writer: BinaryWriter) => void;

function message(writer: BinaryWriter, field: number, write: Write): void {
  writer.tag(field, BYTES).fork();
  write(writer);
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, BYTES).string(value);
}

function whole(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, VARINT).int64(value);
}

/** IR version and operator set: the first with equality of texts. */
const IR_VERSION = 9;
const OPSET = 19;

/** The bytes of a ModelProto; field numbers as in onnx.proto. */
export function encodeModel(graph: OnnxGraph, metadata: Readonly<Record<string, string>>) {
  const writer = new BinaryWriter();
  whole(writer, 1, IR_VERSION);
  text(writer, 2, "manyfold");
  message(writer, 7, (to) => writeGraph(to, graph));
  message(writer, 8, (to) => {
    text(to, 1, "");
    whole(to, 2, OPSET);
  });
  for (const [key, value] of Object.entries(metadata)) {
    message(writer, 14, (to) => {
      text(to, 1, key);
      text(to, 2, value);
    });
  }
  return writer.finish();
}

function writeGraph(writer: BinaryWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) message(writer, 1, (to) => writeNode(to, node));
  text(writer, 2, graph.name);
  for (const [name, tensor] of graph.constants) {
    message(writer, 5, (to) => writeTensor(to, name, tensor));
  }
  for (const value of graph.inputs) message(writer, 11, (to) => writeValue(to, value));
  for (const value of graph.outputs) message(writer, 12, (to) => writeValue(to, value));
}

/** Kinds of attributes (AttributeProto.AttributeType). */
const INT = 2;
const INTS = 7;

function writeNode(writer: BinaryWriter, { op, inputs, outputs, attributes }: OnnxNode): void {
  for (const input of inputs) text(writer, 1, input);
  for (const output of outputs) text(writer, 2, output);
  text(writer, 3, outputs[0] ?? op);
  text(writer, 4, op);
  for (const [name, value] of Object.entries(attributes)) {
    message(writer, 5, (to) => {
      text(to, 1, name);
      if (typeof value === "number") whole(to, 3, value);
      else for (const one of value) whole(to, 8, one);
      whole(to, 20, typeof value === "number" ? INT : INTS);
    });
  }
}

function writeTensor(writer: BinaryWriter, name: string, { type, shape, values }: Tensor): void {
  for (const size of shape) whole(writer, 1, size);
  whole(writer, 2, TYPES[type]);
  if (type === "string") {
    for (const value of values as readonly string[]) text(writer, 6, value);
  } else {
    writer.tag(9, BYTES).bytes(raw(type, values as ArrayLike<number>));
  }
  text(writer, 8, name);
}

/** Little-endian bytes of numbers, whatever the machine's order. */
function raw(type: Exclude<ElementType, "string">, values: ArrayLike<number>): Uint8Array {
  const size = { float: 4, int64: 8, bool: 1, double: 8 }[type];
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  const set = {
    float: (at: number, value: number) => view.setFloat32(at, value, true),
    double: (at: number, value: number) => view.setFloat64(at, value, true),
    int64: (at: number, value: number) => view.setBigInt64(at, BigInt(value), true),
    bool: (at: number, value: number) => view.setUint8(at, value),
  }[type];
  for (let i = 0; i < values.length; i++) set(i * size, values[i]!);
  return bytes;
}

function writeValue(writer: BinaryWriter, { name, type, shape }: Value): void {
  text(writer, 1, name);
  message(writer, 2, (kind) =>
    message(kind, 1, (tensor) => {
      whole(tensor, 1, TYPES[type]);
      message(tensor, 2, (sizes) => {
        for (const size of shape) {
          message(sizes, 1, (to) => {
            if (typeof size === "number") whole(to, 1, size);
            else text(to, 2, size);
          });
        }
      });
    }),
  );
}
