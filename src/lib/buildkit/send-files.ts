import type { FileTree } from "./file-tree.ts";
import { kindOfGoMode } from "./go-mode.ts";
import { type Packet, PacketType } from "./packets.ts";
import { GrpcError, GrpcStatus } from "./services.ts";

/** Packets both ways. */
export interface PacketStream {
  readonly received: AsyncIterable<Packet>;
  /** Waits where the other side is slower. */
  send(packet: Partial<Packet> & { readonly type: number }): Promise<void> | undefined;
}

/** How many files the other side may have asked for that were not yet sent. */
const REQUESTS_MAX = 1_000_000;

/**
 * The sender's part of a transfer (fsutil's `Send`): tells all files, sends the content of those that the other side asks for, and
 * ends when it has all it wants.
 * @throws GrpcError with what the other side has to complain of
 */
export async function sendFiles(stream: PacketStream, tree: FileTree): Promise<void> {
  const sender = new Sender(stream, tree);
  // Whichever fails first decides.
  const telling = sender.tellAll();
  const listening = sender.listen();
  telling.catch(() => sender.stop());
  listening.catch(() => sender.stop());
  await Promise.all([telling, listening, sender.sendContents()]);
  await stream.send({ type: PacketType.end });
}

class Sender {
  readonly #stream: PacketStream;
  readonly #tree: FileTree;
  /** Files that may be asked for, by number. */
  readonly #paths = new Map<number, string>();
  readonly #wanted: number[] = [];
  #wake = Promise.withResolvers<void>();
  #ended = false;
  #stopped = false;

  constructor(stream: PacketStream, tree: FileTree) {
    this.#stream = stream;
    this.#tree = tree;
  }

  stop(): void {
    this.#stopped = true;
    this.#ended = true;
    this.#wake.resolve();
  }

  async tellAll(): Promise<void> {
    let id = 0;
    for await (const facts of this.#tree.walk()) {
      if (this.#stopped) return;
      if (kindOfGoMode(facts.mode) === "file" && facts.linkName === "") this.#paths.set(id, facts.path);
      id++;
      await this.#stream.send({ type: PacketType.stat, facts });
    }
    await this.#stream.send({ type: PacketType.stat });
  }

  async listen(): Promise<void> {
    // Not `for await`: to leave that would end the stream, whose status is still to come.
    const packets = this.#stream.received[Symbol.asyncIterator]();
    for (let next = await packets.next(); next.done !== true; next = await packets.next()) {
      const packet = next.value;
      if (packet.type === PacketType.error) {
        throw new GrpcError(GrpcStatus.unknown, new TextDecoder().decode(packet.data));
      }
      if (packet.type === PacketType.end) return this.#end();
      if (packet.type !== PacketType.request) continue;
      if (this.#wanted.length > REQUESTS_MAX) {
        throw new GrpcError(GrpcStatus.resourceExhausted, "too many requests for files");
      }
      this.#wanted.push(packet.id);
      this.#wake.resolve();
    }
    // The other side went away before it had said that it has everything.
    if (!this.#ended) throw new GrpcError(GrpcStatus.cancelled, "the transfer of files was broken off");
  }

  #end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  async sendContents(): Promise<void> {
    for (let at = 0; ; at++) {
      while (at >= this.#wanted.length) {
        if (this.#ended) return;
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
      }
      if (this.#stopped) return;
      await this.#sendContent(this.#wanted[at]!);
    }
  }

  async #sendContent(id: number): Promise<void> {
    const path = this.#paths.get(id);
    if (path === undefined) throw new GrpcError(GrpcStatus.invalidArgument, `invalid file id ${id}`);
    // Each can be asked for once.
    this.#paths.delete(id);
    for await (const data of this.#tree.read(path)) {
      if (this.#stopped) return;
      await this.#stream.send({ type: PacketType.data, id, data });
    }
    await this.#stream.send({ type: PacketType.data, id });
  }
}
