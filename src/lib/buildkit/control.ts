/** What BuildKit's clients ask of an engine: its services `Control` (control.proto) and `LLBBridge` (gateway.proto). */
import { decodeFields, type Fields, Writer } from "./proto.ts";

/** Where a result goes, or where a cache comes from. */
export interface TypedOptions {
  readonly type: string;
  readonly options: ReadonlyMap<string, string>;
}

/** `Control.SolveRequest` */
export interface SolveRequest {
  /** What the client calls the build. */
  readonly ref: string;
  readonly sessionId: string;
  /** Empty: the client asks for the frontend's work by itself, and returns what is to be exported. */
  readonly frontend: string;
  readonly options: ReadonlyMap<string, string>;
  readonly exporters: readonly TypedOptions[];
  readonly cacheExports: readonly TypedOptions[];
  readonly cacheImports: readonly TypedOptions[];
  readonly entitlements: readonly string[];
  /** A graph of operations instead of a Dockerfile. */
  readonly hasDefinition: boolean;
}

/** `LLBBridge.SolveRequest` */
export interface FrontendRequest {
  readonly frontend: string;
  readonly options: ReadonlyMap<string, string>;
  readonly inputs: readonly string[];
  readonly hasDefinition: boolean;
}

/** `LLBBridge.ReturnRequest` */
export interface ReturnRequest {
  /** Results that are to be exported; none: there is nothing to. */
  readonly refs: readonly string[];
  /** The client gave the build up, and why. */
  readonly error: { readonly status: number; readonly message: string } | undefined;
}

export interface Worker {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly platforms: readonly {
    readonly os: string;
    readonly architecture: string;
    readonly variant: string;
  }[];
  readonly version: string;
}

export interface UsageRecord {
  readonly id: string;
  readonly mutable: boolean;
  readonly inUse: boolean;
  readonly sizeBytes: number;
  readonly parents: readonly string[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly lastUsedAt: number | undefined;
  readonly usageCount: number;
  readonly description: string;
  readonly type: string;
  readonly shared: boolean;
}

export interface PruneRequest {
  /** `type==exec.cachemount`: containerd's filters. */
  readonly filters: readonly string[];
  readonly all: boolean;
  readonly keepNanoseconds: number;
  readonly reservedBytes: number;
  readonly maxUsedBytes: number;
  readonly minFreeBytes: number;
}

// ——— Control ———

/** @throws GrpcError where it is malformed; so do all that decode here */
export function decodeSolveRequest(message: Uint8Array): SolveRequest {
  const fields = decodeFields(message);
  const [cache] = fields.messages(8);
  const exporters = fields.messages(13).map(typedOptions);
  const oldExporter = { type: fields.text(3), options: fields.textMap(4) };
  return {
    ref: fields.text(1),
    hasDefinition: fields.has(2),
    sessionId: fields.text(5),
    frontend: fields.text(6),
    options: fields.textMap(7),
    exporters: exporters.length > 0 || oldExporter.type === "" ? exporters : [oldExporter],
    cacheExports: cache?.messages(4).map(typedOptions) ?? [],
    cacheImports: cache?.messages(5).map(typedOptions) ?? [],
    entitlements: fields.texts(9),
  };
}

export function encodeSolveResponse(response: Readonly<Record<string, string>>): Uint8Array {
  const writer = new Writer();
  writer.texts(1, response);
  return writer.finish();
}

/** `StatusRequest`, `EvaluateRequest`: the build or the result that is meant. */
export const decodeRef = (message: Uint8Array): string => decodeFields(message).text(1);

export function encodeInfo(version: string): Uint8Array {
  const writer = new Writer();
  writer.message(1, () => writeVersion(writer, version));
  return writer.finish();
}

export function encodeWorkers(workers: readonly Worker[]): Uint8Array {
  const writer = new Writer();
  for (const worker of workers) writer.message(1, () => writeWorker(writer, worker));
  return writer.finish();
}

export function encodeDiskUsage(records: readonly UsageRecord[]): Uint8Array {
  const writer = new Writer();
  for (const record of records) writer.message(1, () => writeUsage(writer, record));
  return writer.finish();
}

export function encodeUsageRecord(record: UsageRecord): Uint8Array {
  const writer = new Writer();
  writeUsage(writer, record);
  return writer.finish();
}

/** `DiskUsageRequest`: its filters. */
export const decodeDiskUsageFilters = (message: Uint8Array): string[] => decodeFields(message).texts(1);

export function decodePruneRequest(message: Uint8Array): PruneRequest {
  const fields = decodeFields(message);
  return {
    filters: fields.texts(1),
    all: fields.number(2) !== 0,
    keepNanoseconds: fields.number(3),
    reservedBytes: fields.number(4),
    maxUsedBytes: fields.number(5),
    minFreeBytes: fields.number(6),
  };
}

// ——— LLBBridge ———

export function decodeFrontendRequest(message: Uint8Array): FrontendRequest {
  const fields = decodeFields(message);
  return {
    hasDefinition: fields.has(1),
    frontend: fields.text(2),
    options: fields.textMap(3),
    inputs: fields.messages(13).map((input) => input.text(1)),
  };
}

/** The result that a frontend came to, without a reference where there are no files. */
export function encodeFrontendResult(
  ref: string,
  metadata: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array {
  const writer = new Writer();
  writer.message(3, () => {
    if (ref !== "") writer.message(3, () => writer.text(1, ref));
    for (const [key, value] of Object.entries(metadata)) {
      writer.message(10, () => {
        writer.text(1, key);
        writer.bytes(2, value);
      });
    }
  });
  return writer.finish();
}

export function decodeReturnRequest(message: Uint8Array): ReturnRequest {
  const fields = decodeFields(message);
  const [result] = fields.messages(1);
  const [error] = fields.messages(2);
  return {
    refs: result === undefined ? [] : refsOf(result).filter((ref) => ref !== ""),
    error: error === undefined ? undefined : { status: error.number(1), message: error.text(2) },
  };
}

/** What the engine's side of the bridge can do (`frontend/gateway/pb/caps.go`). */
export function encodePong(capabilities: readonly string[], workers: readonly Worker[]): Uint8Array {
  const writer = new Writer();
  for (const capability of capabilities) {
    writer.message(1, () => {
      writer.text(1, capability);
      writer.number(2, 1);
    });
  }
  for (const worker of workers) writer.message(3, () => writeWorker(writer, worker));
  return writer.finish();
}

// ——— failures ———

/** Lines of a file, the first and the last. */
export interface SourceLines {
  readonly fileName: string;
  readonly fileText: string;
  readonly start: number;
  readonly end: number;
}

/**
 * A `google.rpc.Status` that tells where in which file the build failed, as BuildKit's `util/grpcerrors` has it: the detail is
 * JSON, with its type's name as address.
 */
export function encodeStatusDetails(status: number, message: string, at: SourceLines): Uint8Array {
  const { fileName, fileText, start, end } = at;
  const source = {
    info: { filename: fileName, data: Buffer.from(fileText).toString("base64") },
    ranges: [{ start: { line: start }, end: { line: end } }],
  };
  const writer = new Writer();
  writer.number(1, status);
  writer.text(2, message);
  writer.message(3, () => {
    writer.text(1, "github.com/moby/buildkit/errdefs.Source+json");
    writer.bytes(2, Buffer.from(JSON.stringify(source)));
  });
  return writer.finish();
}

// ——— parts ———

const typedOptions = (fields: Fields): TypedOptions => ({ type: fields.text(1), options: fields.textMap(2) });

/** A result has one file tree, or one for each platform, each in an old and a new form. */
function refsOf(result: Fields): string[] {
  const single = result.messages(3).map((ref) => ref.text(1));
  const many = result.messages(4).flatMap((map) => map.messages(1).flatMap((entry) => entry.messages(2)));
  const oldMany = result.messages(2).flatMap((map) => [...map.textMap(1).values()]);
  return [...single, ...many.map((ref) => ref.text(1)), result.text(1), ...oldMany];
}

function writeVersion(writer: Writer, version: string): void {
  writer.text(1, "berth");
  writer.text(2, version);
}

function writeWorker(writer: Writer, { id, labels, platforms, version }: Worker): void {
  writer.text(1, id);
  writer.texts(2, labels);
  for (const { os, architecture, variant } of platforms) {
    writer.message(3, () => {
      writer.text(1, architecture);
      writer.text(2, os);
      writer.text(3, variant);
    });
  }
  writer.message(5, () => writeVersion(writer, version));
}

function writeUsage(writer: Writer, record: UsageRecord): void {
  writer.text(1, record.id);
  writer.number(2, record.mutable ? 1 : 0);
  writer.number(3, record.inUse ? 1 : 0);
  writer.number(4, record.sizeBytes);
  writer.time(6, record.createdAt);
  writer.time(7, record.lastUsedAt);
  writer.number(8, record.usageCount);
  writer.text(9, record.description);
  writer.text(10, record.type);
  writer.number(11, record.shared ? 1 : 0);
  for (const parent of record.parents) writer.text(12, parent);
}
