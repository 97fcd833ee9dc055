import { closeSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { invalidParameter, log, messageOf, notImplemented, type OutputChunk } from "../../lib/index.ts";
import type { LogsOptions } from "../streams-contract.ts";
import { Brake, type HoldMonitor, type UnreadLimits } from "./brake.ts";
import { SegmentChain } from "./chain.ts";
import { compress } from "./compress.ts";
import { Decorator } from "./decorate.ts";
import { LiveLog, type LiveLogOptions } from "./live-log.ts";
import { LogStream, type Transform } from "./log-stream.ts";
import { beginningOf, endOf, skipTo, tailOf } from "./positions.ts";
import { SegmentReader } from "./reader.ts";
import { type Instant, instantOf } from "./record-time.ts";
import type { LogSettings } from "./settings.ts";
import { isOversize, trimOversize } from "./trim.ts";
import { unwrap, type WantedStreams } from "./unwrap.ts";

/** setTimeout(3) of longer times fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Drivers that send a container's output nowhere. */
const LOCAL_DRIVERS: ReadonlySet<string> = new Set(["json-file", "local", "none"]);

/** How long clients that are attached may take for the last of the output until the container's end is told. */
const DELIVERY_MS = 200;

export interface ContainerOutputOptions extends LiveLogOptions {
  /** Slows the container down; without, it never is. */
  readonly hold?: HoldMonitor;
  readonly unread?: UnreadLimits;
}

/**
 * The output of one container, over all of its runs. Whoever wants to read it gets a stream of its own, and slows nobody but
 * itself; only the client in whose foreground a container runs slows that down, where nobody else keeps up.
 */
export class ContainerOutput {
  readonly settings: LogSettings;
  readonly chain: SegmentChain;
  readonly #liveOptions: LiveLogOptions;
  readonly #brake: Brake;
  #live: LiveLog | undefined;
  /** Settled by the next change: true when the container runs, false when what was waited for will not happen. */
  #run = Promise.withResolvers<boolean>();
  #isRunning = false;
  readonly #attached = new Set<AttachedOutput>();
  #compressing = false;

  /** @param path The monitor's log; its directory exists. */
  constructor(path: string, settings: LogSettings, options: ContainerOutputOptions) {
    this.settings = settings;
    this.chain = SegmentChain.load(path, settings.limits);
    this.#liveOptions = options;
    this.#brake = new Brake(this.chain, options.hold ?? (() => undefined), options.unread);
    this.chain.onSegment = () => void this.#tidy();
  }

  get isLive(): boolean {
    return this.#live !== undefined;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** True as soon as the container runs, at once if it does; false when this run or this start is over. */
  running(): Promise<boolean> {
    return this.#run.promise;
  }

  /** Before the monitor opens its log. */
  prepare(): void {
    endTornRecord(this.chain.path);
    const size = statSync(this.chain.path, { throwIfNoEntry: false })?.size ?? 0;
    if (size >= this.settings.limits.maxSize) this.chain.rotate();
    this.chain.ensureLive();
    this.chain.open();
    this.#watch();
  }

  started(): void {
    this.#isRunning = true;
    this.#run.resolve(true);
    this.#brake.engage();
  }

  /** The container runs already, under the monitor that another daemon started. */
  adopt(): void {
    this.chain.open();
    this.#watch();
    this.started();
    void this.#tidy();
  }

  /** The container was asked to end: it must be able to print its last words. */
  ending(): void {
    this.#brake.disengage();
  }

  /** Something for the container is on its way to the monitor, until the result is disposed of. */
  passOn(): Disposable {
    return this.#brake.lift();
  }

  /** The monitor is gone, and its log complete. */
  ended(): void {
    this.#brake.disengage();
    this.#live?.stop();
    this.#live = undefined;
    this.chain.end();
    this.#isRunning = false;
    this.#run.resolve(false);
    this.#run = Promise.withResolvers<boolean>();
    if (!this.settings.readable) this.chain.clear();
    else void this.#tidy();
  }

  /**
   * Resolves when everybody who is attached has taken all there is, soon after `ended`; or after a moment, for nobody need
   * read on. Docker tells of an end only then (`StreamConfig.Wait`), and clients stop reading when they hear of it.
   */
  async delivered(): Promise<void> {
    if (this.#attached.size === 0) return;
    const read = [...this.#attached].map(({ taken }) => taken);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const moment = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DELIVERY_MS);
    });
    await Promise.race([Promise.all(read), moment]);
    clearTimeout(timer);
  }

  /** The container's directory is about to go. */
  remove(): void {
    this.chain.pin();
    this.ended();
  }

  /** The daemon stops. */
  close(): void {
    this.#brake.disengage();
    this.#live?.stop();
    this.#live = undefined;
    this.#run.resolve(false);
    this.chain.close();
  }

  /** Everything that is kept, or a part of it, and what follows. @throws NotImplemented */
  async logs(
    options: LogsOptions,
    details: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<OutputChunk>> {
    if (!options.stdout && !options.stderr) throw invalidParameter("You must choose at least one stream");
    if (!this.settings.readable) throw notReadable();
    if (this.chain.last === undefined) return nothing();
    const since = options.since === undefined ? undefined : instantOf(options.since);
    const until = options.until === undefined ? undefined : instantOf(options.until);
    const reader = await this.#readerOf(options, since, until);
    const plain = !options.timestamps && details === "" && since === undefined && until === undefined;
    const transform = plain
      ? plainly(options)
      : new Decorator(options, {
          timestamps: options.timestamps,
          details: Buffer.from(details),
          since,
          until,
        });
    const stream = new LogStream(reader, transform, signal);
    if (options.follow && until !== undefined) this.#endAtTime(reader, stream, until);
    return stream;
  }

  /** Nobody need print anything for `--follow --until` to end. */
  #endAtTime(reader: SegmentReader, stream: LogStream, { seconds }: Instant): void {
    const end = () => {
      reader.endAt(endOf(this.chain));
      this.chain.bell.ring();
    };
    // A second later: what is printed until then is told; `until` itself is looked at line by line.
    const milliseconds = (seconds + 1) * 1000 - Date.now();
    if (milliseconds > LONGEST_TIMER) return;
    const timer = setTimeout(end, Math.max(0, milliseconds));
    stream.onEnd = () => clearTimeout(timer);
  }

  async #readerOf(options: LogsOptions, since?: Instant, until?: Instant): Promise<SegmentReader> {
    const end = endOf(this.chain);
    const first = beginningOf(this.chain) ?? end;
    const from = since === undefined ? first : skipTo(this.chain, first, since);
    const to = options.follow && this.isLive ? undefined : end;
    const reader = new SegmentReader(this.chain, { from, to, whenOverrun: "end" });
    if (options.tail === undefined) return reader;
    // The first reader keeps the segments while the last lines are looked for.
    try {
      const tail = { lines: options.tail, wanted: options, until };
      const start = await tailOf(this.chain, from, end, tail);
      return new SegmentReader(this.chain, { from: start, to: reader.end, whenOverrun: "end" });
    } finally {
      reader.close();
    }
  }

  /** For a client that is attached: from now on, or (`logs`) from the beginning. Listening begins with this call. */
  attach(
    wanted: WantedStreams,
    options: { readonly logs: boolean; readonly stream: boolean },
    signal: AbortSignal,
  ): AttachedOutput {
    if (options.logs && !this.settings.readable) throw notReadable();
    if (options.stream && !this.isLive) {
      this.chain.ensureLive();
      this.chain.open();
    }
    const end = endOf(this.chain);
    const from = (options.logs ? beginningOf(this.chain) : undefined) ?? end;
    const to = options.stream ? undefined : end;
    const reader = new SegmentReader(this.chain, { from, to, whenOverrun: "end" });
    const output = new AttachedOutput(this.chain, reader, plainly(wanted, this.#brake), signal);
    if (options.stream && !this.#isRunning) this.#brake.add(reader);
    this.#attached.add(output);
    void output.taken.then(() => this.#attached.delete(output));
    return output;
  }

  /** What a daemon was not there to keep small; not where somebody may want to forward it later. */
  async #tidy(): Promise<void> {
    if (LOCAL_DRIVERS.has(this.settings.driver)) await trimOversize(this.chain);
    if (this.settings.compress) await this.#compress();
  }

  /** One after the other, and not what somebody has yet to read. */
  async #compress(): Promise<void> {
    if (this.#compressing) return;
    this.#compressing = true;
    try {
      for (const segment of this.chain.segments.slice(0, -1)) {
        const isWanted = () => this.chain.isAwaited(segment);
        if (segment.compressed || isOversize(this.chain, segment)) continue;
        if (!isWanted()) await compress(segment, isWanted);
      }
    } catch (error) {
      log.warn("cannot compress a container's log", { path: this.chain.path, error: messageOf(error) });
    } finally {
      this.#compressing = false;
    }
  }

  #watch(): void {
    this.#live ??= new LiveLog(this.chain, this.#liveOptions);
  }
}

export class AttachedOutput extends LogStream {
  readonly #chain: SegmentChain;
  readonly #attached: SegmentReader;

  constructor(chain: SegmentChain, reader: SegmentReader, transform: Transform, signal: AbortSignal) {
    super(reader, transform, signal);
    this.#chain = chain;
    this.#attached = reader;
  }

  /** Ends the stream behind what has been printed up to now. */
  finish(): void {
    this.#attached.endAt(endOf(this.#chain));
    this.#chain.bell.ring();
  }

  /** Ends it at once. */
  close(): void {
    this.#attached.close();
  }
}

/** @param brake looked at with each block that somebody has read */
function plainly(wanted: WantedStreams, brake?: Brake): Transform {
  const chunks = (block: Buffer): OutputChunk[] => {
    if (brake?.isHolding) brake.check();
    return unwrap(block, wanted);
  };
  return { chunks, finished: false };
}

/** Of a container that never ran. */
async function* nothing(): AsyncGenerator<OutputChunk> {}

function notReadable(): Error {
  return notImplemented("configured logging driver does not support reading");
}

/** A monitor that was killed, or a full disk, may have left half a record, which the next one must not be joined to. */
function endTornRecord(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return;
  const fd = openSync(path, "a+", 0o600);
  try {
    const last = Buffer.alloc(1);
    readSync(fd, last, 0, 1, size - 1);
    if (last[0] !== 0x0a) writeSync(fd, "\n");
  } finally {
    closeSync(fd);
  }
}
