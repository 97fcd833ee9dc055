/**
 * As much of DNS (RFC 1035, section 4) as answering for containers needs: the question of a query, and answers to it.
 * What is not for us travels on as the bytes that it came as. Everything read here was sent by a container.
 */

export const TYPE = { A: 1, PTR: 12, OPT: 41, AAAA: 28 } as const;
export const RCODE = { ok: 0, serverFailure: 2, nameError: 3, refused: 5 } as const;

const HEADER_BYTES = 12;
const NAME_BYTES_MAX = 255;
/** What a client takes by UDP that says nothing else (RFC 1035), and what we send at most to one that does (RFC 9715). */
const UDP_BYTES_LEAST = 512;
const UDP_BYTES_MOST = 1400;

export interface Question {
  readonly id: number;
  /** As it was written, without the dot at the end. */
  readonly name: string;
  readonly type: number;
  /** Where the question ends in the query. */
  readonly end: number;
  /** What may be answered by UDP. */
  readonly udpBytesMax: number;
}

/** One answer; `data` is its RDATA. All are for the name that was asked. */
export interface Answer {
  readonly type: number;
  readonly ttlSeconds: number;
  readonly data: Uint8Array;
}

/** The question of an ordinary query with exactly one; undefined for anything else, which gets no answer of ours. */
export function readQuestion(query: Uint8Array): Question | undefined {
  if (query.length < HEADER_BYTES) return undefined;
  const view = viewOf(query);
  const flags = view.getUint16(2);
  const isPlainQuery = (flags & 0xf800) === 0 && view.getUint16(4) === 1;
  const name = isPlainQuery ? readName(query, HEADER_BYTES) : undefined;
  if (name === undefined || name.end + 4 > query.length || view.getUint16(name.end + 2) !== 1)
    return undefined;
  const end = name.end + 4;
  return {
    id: view.getUint16(0),
    name: name.text,
    type: view.getUint16(name.end),
    end,
    udpBytesMax: udpBytesMax(query, end),
  };
}

/** A question's name has no compression: there is nothing before it to point to. */
function readName(query: Uint8Array, start: number): { text: string; end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  for (;;) {
    const length = query[at];
    if (length === undefined || length > 63 || at + length >= query.length || at - start > NAME_BYTES_MAX) {
      return undefined;
    }
    if (length === 0) return { text: labels.join("."), end: at + 1 };
    labels.push(Buffer.from(query.subarray(at + 1, at + 1 + length)).toString("latin1"));
    at += 1 + length;
  }
}

/** EDNS (RFC 6891): a record of type OPT right behind the question, whose class is a size. */
function udpBytesMax(query: Uint8Array, end: number): number {
  const view = viewOf(query);
  const hasMore = view.getUint16(10) > 0 && view.getUint16(6) === 0 && view.getUint16(8) === 0;
  if (!hasMore || end + 5 > query.length || query[end] !== 0 || view.getUint16(end + 1) !== TYPE.OPT) {
    return UDP_BYTES_LEAST;
  }
  return Math.min(Math.max(view.getUint16(end + 3), UDP_BYTES_LEAST), UDP_BYTES_MOST);
}

/** An answer to a query; as many records as fit into `bytesMax`, and the truncation bit where not all do. */
export function reply(
  query: Uint8Array,
  question: Question,
  rcode: number,
  answers: readonly Answer[] = [],
  bytesMax = 65535,
): Uint8Array {
  const sizes = answers.map((answer) => 12 + answer.data.length);
  let length = question.end;
  let count = 0;
  while (count < answers.length && length + sizes[count]! <= bytesMax) length += sizes[count++]!;
  const out = new Uint8Array(length);
  out.set(query.subarray(0, question.end));
  const view = viewOf(out);
  const recursionDesired = view.getUint16(2) & 0x0100;
  const truncated = count < answers.length ? 0x0200 : 0;
  view.setUint16(2, 0x8080 | recursionDesired | truncated | rcode);
  view.setUint16(6, count);
  view.setUint16(8, 0);
  view.setUint16(10, 0);
  let at = question.end;
  for (const answer of answers.slice(0, count)) at = writeAnswer(out, at, answer);
  return out;
}

function writeAnswer(out: Uint8Array, start: number, answer: Answer): number {
  const view = viewOf(out);
  // The name is the one at the place where every question is.
  view.setUint16(start, 0xc000 | HEADER_BYTES);
  view.setUint16(start + 2, answer.type);
  view.setUint16(start + 4, 1);
  view.setUint32(start + 6, answer.ttlSeconds);
  view.setUint16(start + 10, answer.data.length);
  out.set(answer.data, start + 12);
  return start + 12 + answer.data.length;
}

/** RDATA of a PTR record. Labels that DNS cannot carry are cut. */
export function nameData(name: string): Uint8Array {
  const parts = name.split(".").map((label) => Buffer.from(label, "latin1").subarray(0, 63));
  return Buffer.concat([...parts.flatMap((part) => [Buffer.of(part.length), part]), Buffer.of(0)]);
}

/** Response code of an answer from elsewhere. */
export function rcodeOf(message: Uint8Array): number {
  return message.length < HEADER_BYTES ? RCODE.serverFailure : viewOf(message).getUint16(2) & 0xf;
}

/** Whether a message answers a query: the same id and, where it has one, the same question. */
export function answers(message: Uint8Array, query: Uint8Array, question: Question): boolean {
  if (message.length < HEADER_BYTES) return false;
  const view = viewOf(message);
  if (view.getUint16(0) !== question.id || (view.getUint16(2) & 0x8000) === 0) return false;
  if (view.getUint16(4) === 0) return true;
  if (message.length < question.end) return false;
  const asked = Buffer.from(query.subarray(HEADER_BYTES, question.end)).toString("latin1").toLowerCase();
  return Buffer.from(message.subarray(HEADER_BYTES, question.end)).toString("latin1").toLowerCase() === asked;
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
