import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { GrpcError, GrpcStatus } from "./services.ts";

/** fsutil's `Packet.PacketType`. */
export const PacketType = { stat: 0, request: 1, data: 2, end: 3, error: 4 } as const;

/** fsutil's `Stat`: one file, as its sender sees it. */
export interface FileFacts {
  /** Relative, clean, with slashes. */
  readonly path: string;
  /** Go's `os.FileMode`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly modified: bigint;
  /** Of a symbolic link what it says; of a file the earlier path that is the same file. */
  readonly linkName: string;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** fsutil's `Packet`. Files are numbered in the order in which they were told, from 0. */
export interface Packet {
  readonly type: number;
  /** Of a `stat`; none means that all were told. */
  readonly facts: FileFacts | undefined;
  readonly id: number;
  readonly data: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();
const PATH_BYTES_MAX = 4096;
const XATTRS_MAX = 256;

export function encodePacket(packet: Partial<Packet> & { readonly type: number }): Uint8Array {
  const writer = new BinaryWriter();
  if (packet.type !== 0) writer.tag(1, WireType.Varint).int32(packet.type);
  if (packet.facts !== undefined) {
    writer.tag(2, WireType.LengthDelimited).fork();
    writeFacts(writer, packet.facts);
    writer.join();
  }
  if (packet.id) writer.tag(3, WireType.Varint).uint32(packet.id);
  if (packet.data !== undefined && packet.data.length > 0)
    writer.tag(4, WireType.LengthDelimited).bytes(packet.data);
  return writer.finish();
}

function writeFacts(writer: BinaryWriter, facts: FileFacts): void {
  writer.tag(1, WireType.LengthDelimited).string(facts.path);
  writer.tag(2, WireType.Varint).uint32(facts.mode);
  if (facts.uid !== 0) writer.tag(3, WireType.Varint).uint32(facts.uid);
  if (facts.gid !== 0) writer.tag(4, WireType.Varint).uint32(facts.gid);
  if (facts.size !== 0) writer.tag(5, WireType.Varint).int64(facts.size);
  if (facts.modified !== 0n) writer.tag(6, WireType.Varint).int64(facts.modified);
  if (facts.linkName !== "") writer.tag(7, WireType.LengthDelimited).string(facts.linkName);
  if (facts.major !== 0) writer.tag(8, WireType.Varint).int64(facts.major);
  if (facts.minor !== 0) writer.tag(9, WireType.Varint).int64(facts.minor);
  for (const [name, value] of facts.xattrs) {
    writer.tag(10, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name);
    writer.tag(2, WireType.LengthDelimited).bytes(value);
    writer.join();
  }
}

/** @throws GrpcError where it is none. Its data shares the message's memory. */
export function decodePacket(message: Uint8Array): Packet {
  try {
    return readPacket(message);
  } catch (error) {
    if (error instanceof GrpcError) throw error;
    throw new GrpcError(GrpcStatus.internal, "malformed packet of a file transfer", { cause: error });
  }
}

function readPacket(message: Uint8Array): Packet {
  const reader = new BinaryReader(message);
  let [type, id, data] = [0, 0, NOTHING as Uint8Array];
  let facts: FileFacts | undefined;
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1 && wire === WireType.Varint) type = reader.int32();
    else if (field === 2 && wire === WireType.LengthDelimited) facts = readFacts(view(reader));
    else if (field === 3 && wire === WireType.Varint) id = reader.uint32();
    else if (field === 4 && wire === WireType.LengthDelimited) data = view(reader);
    else reader.skip(wire, field);
  }
  return { type, facts, id, data };
}

/** The bytes of a field, where they are. */
function view(reader: BinaryReader): Uint8Array {
  return reader.bytes();
}

function readFacts(message: Uint8Array): FileFacts {
  const reader = new BinaryReader(message);
  let [path, linkName] = ["", ""];
  let [mode, uid, gid, size, major, minor] = [0, 0, 0, 0, 0, 0];
  let modified = 0n;
  let xattrs: Map<string, Uint8Array> | undefined;
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    const isText = wire === WireType.LengthDelimited;
    if (isText && field === 1) path = reader.string();
    else if (isText && field === 7) linkName = reader.string();
    else if (isText && field === 10) {
      xattrs ??= new Map();
      if (xattrs.size >= XATTRS_MAX) throw new GrpcError(GrpcStatus.resourceExhausted, "too many attributes");
      const [name, value] = readPair(reader.bytes());
      xattrs.set(name, value);
    } else if (wire !== WireType.Varint) reader.skip(wire, field);
    else if (field === 2) mode = reader.uint32();
    else if (field === 3) uid = reader.uint32();
    else if (field === 4) gid = reader.uint32();
    else if (field === 5) size = Number(reader.int64());
    else if (field === 6) modified = BigInt(reader.int64());
    else if (field === 8) major = Number(reader.int64());
    else if (field === 9) minor = Number(reader.int64());
    else reader.skip(wire, field);
  }
  if (path.length > PATH_BYTES_MAX || linkName.length > PATH_BYTES_MAX) {
    throw new GrpcError(GrpcStatus.invalidArgument, "a file's path is too long");
  }
  return { path, mode, uid, gid, size, modified, linkName, major, minor, xattrs: xattrs ?? NO_XATTRS };
}

function readPair(message: Uint8Array): [string, Uint8Array] {
  const reader = new BinaryReader(message);
  let [name, value] = ["", NOTHING as Uint8Array];
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1 && wire === WireType.LengthDelimited) name = reader.string();
    else if (field === 2 && wire === WireType.LengthDelimited) value = reader.bytes();
    else reader.skip(wire, field);
  }
  return [name, value];
}
