import { Fields, Writer } from "./proto.ts";

/** BuildKit's `StatusResponse` (moby.buildkit.v1, control.proto), times in milliseconds since 1970. */
export interface StatusMessage {
  readonly vertexes: readonly StatusVertex[];
  readonly statuses: readonly StatusProgress[];
  readonly logs: readonly StatusLog[];
  readonly warnings: readonly StatusWarning[];
}

export interface StatusVertex {
  readonly digest: string;
  readonly inputs: readonly string[];
  readonly name: string;
  readonly cached: boolean;
  readonly started: number | undefined;
  readonly completed: number | undefined;
  readonly error: string;
}

export interface StatusProgress {
  readonly id: string;
  readonly vertex: string;
  readonly name: string;
  readonly current: number;
  readonly total: number;
  readonly time: number | undefined;
  readonly started: number | undefined;
  readonly completed: number | undefined;
}

export interface StatusLog {
  readonly vertex: string;
  readonly time: number | undefined;
  readonly stream: number;
  readonly bytes: Uint8Array;
}

export interface StatusWarning {
  readonly vertex: string;
  readonly level: number;
  readonly short: string;
  readonly detail: readonly string[];
  readonly url: string;
  readonly fileName: string;
  readonly fileText: string;
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
}

/** A message as it goes over the wire. */
export function encodeStatus(message: StatusMessage): Uint8Array {
  const writer = new Writer();
  for (const vertex of message.vertexes) writer.message(1, () => writeVertex(writer, vertex));
  for (const status of message.statuses) writer.message(2, () => writeProgress(writer, status));
  for (const entry of message.logs) {
    writer.message(3, () => {
      writer.text(1, entry.vertex);
      writer.time(2, entry.time);
      writer.number(3, entry.stream);
      writer.bytes(4, entry.bytes);
    });
  }
  for (const warning of message.warnings) writer.message(4, () => writeWarning(writer, warning));
  return writer.finish();
}

function writeVertex(writer: Writer, vertex: StatusVertex): void {
  writer.text(1, vertex.digest);
  for (const input of vertex.inputs) writer.text(2, input);
  writer.text(3, vertex.name);
  writer.number(4, vertex.cached ? 1 : 0);
  writer.time(5, vertex.started);
  writer.time(6, vertex.completed);
  writer.text(7, vertex.error);
}

function writeProgress(writer: Writer, status: StatusProgress): void {
  writer.text(1, status.id);
  writer.text(2, status.vertex);
  writer.text(3, status.name);
  writer.number(4, status.current);
  writer.number(5, status.total);
  writer.time(6, status.time);
  writer.time(7, status.started);
  writer.time(8, status.completed);
}

function writeWarning(writer: Writer, warning: StatusWarning): void {
  writer.text(1, warning.vertex);
  writer.number(2, warning.level);
  writer.text(3, warning.short);
  for (const line of warning.detail) writer.text(4, line);
  writer.text(5, warning.url);
  if (warning.fileName !== "") {
    writer.message(6, () => {
      writer.text(1, warning.fileName);
      writer.text(2, warning.fileText);
    });
  }
  for (const { start, end } of warning.ranges) {
    writer.message(7, () => {
      writer.message(1, () => writer.number(1, start));
      writer.message(2, () => writer.number(1, end));
    });
  }
}

/** @throws where it is malformed */
export function decodeStatus(bytes: Uint8Array): StatusMessage {
  const fields = new Fields(bytes);
  return {
    vertexes: fields.messages(1).map(readVertex),
    statuses: fields.messages(2).map(readProgress),
    logs: fields.messages(3).map((log) => ({
      vertex: log.text(1),
      time: log.time(2),
      stream: log.number(3),
      bytes: log.bytes(4),
    })),
    warnings: fields.messages(4).map(readWarning),
  };
}

function readVertex(fields: Fields): StatusVertex {
  return {
    digest: fields.text(1),
    inputs: fields.texts(2),
    name: fields.text(3),
    cached: fields.number(4) !== 0,
    started: fields.time(5),
    completed: fields.time(6),
    error: fields.text(7),
  };
}

function readProgress(fields: Fields): StatusProgress {
  return {
    id: fields.text(1),
    vertex: fields.text(2),
    name: fields.text(3),
    current: fields.number(4),
    total: fields.number(5),
    time: fields.time(6),
    started: fields.time(7),
    completed: fields.time(8),
  };
}

function readWarning(fields: Fields): StatusWarning {
  const [info] = fields.messages(6);
  return {
    vertex: fields.text(1),
    level: fields.number(2),
    short: fields.text(3),
    detail: fields.texts(4),
    url: fields.text(5),
    fileName: info?.text(1) ?? "",
    fileText: info?.text(2) ?? "",
    ranges: fields.messages(7).map((range) => ({
      start: range.messages(1)[0]?.number(1) ?? 0,
      end: range.messages(2)[0]?.number(1) ?? 0,
    })),
  };
}
