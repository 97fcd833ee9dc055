import { dlopen, ptr } from "bun:ffi";
import { DamagedGzip, GzipHead } from "./gzip-head.ts";

/** Intel's Intelligent Storage Acceleration Library, by the name it has had since its release 2.0. */
const LIBRARY = "libisal.so.2";
/**
 * On arm64, releases before 2.32 take some blocks for the last one that are not (intel/isa-l, issue 316), and none tells which
 * it is.
 */
const ARCHITECTURE = "x64";

/**
 * `struct inflate_state` of igzip_lib.h, of which these are the only fields that are touched. Offsets and length are the same in all
 * releases since 2.24 (2018); that they are, `tryOut` makes sure of before anything depends on it.
 */
const STATE = {
  nextOut: 0,
  availableOut: 8,
  nextIn: 16,
  availableIn: 32,
  blockState: 21_160,
  checksumFlag: 21_172,
  /** Half as much again as it takes. */
  bytes: 128 << 10,
} as const;
/** `ISAL_GZIP_NO_HDR_VER`: what follows the head, and the check and the length at the end are verified. */
const BODY_AND_CHECK = 6;
/** `ISAL_BLOCK_FINISH`, and all that is to be checked is checked. */
const FINISHED = 5;

function openSymbols() {
  return dlopen(LIBRARY, {
    isal_inflate_init: { args: ["ptr"], returns: "void" },
    isal_inflate: { args: ["ptr"], returns: "i32" },
  } as const).symbols;
}

type Library = ReturnType<typeof openSymbols>;

/** igzip_lib.h: by the status, without its sign. */
const FAILURES = [
  "",
  "invalid block",
  "invalid symbol",
  "invalid distance",
  "incorrect header",
  "unknown compression method",
  "incorrect check",
];

/** Several blocks of them, and more bytes than the library's own buffers have. */
const TRIAL_NUMBERS = 20_000;

/**
 * Inflates gzip by ISA-L, in two thirds of the time that zlib takes. The calling thread does it: `take` some bytes, then
 * `inflate` for as long as it fills what it is given. Members one after another are one stream; what follows the last of them
 * is passed over if it begins with a zero, and an error otherwise, as in `node:zlib`.
 */
export class IsalGunzip {
  readonly #library: Library;
  readonly #state = new Uint8Array(STATE.bytes);
  readonly #fields = new DataView(this.#state.buffer);
  #input: Uint8Array = new Uint8Array(0);
  /** So many bytes of the input are used up. */
  #at = 0;
  /** Of the member that begins, where some of it has come. */
  #head: GzipHead | undefined;
  #phase: "head" | "body" | "padding" = "head";
  /** A member was whole. */
  #isBegun = false;

  private constructor(library: Library) {
    this.#library = library;
  }

  /** undefined where the library is not installed, or is not as it is known here. */
  static open(): IsalGunzip | undefined {
    const library = loadLibrary();
    return library === undefined ? undefined : new IsalGunzip(library);
  }

  /** Whether it does what is expected of it: gives back what is right, and notices what is not. */
  static tryOut(library: Library): boolean {
    const squares = Array.from({ length: TRIAL_NUMBERS }, (_, n) => n * n);
    const text = Buffer.from(squares.join());
    const compressed = Buffer.from(Bun.gzipSync(text));
    const inflated = (bytes: Uint8Array) => {
      const gunzip = new IsalGunzip(library);
      const [into, rest] = [Buffer.alloc(text.length), new Uint8Array(1)];
      gunzip.take(bytes);
      const length = gunzip.inflate(into) + gunzip.inflate(rest);
      gunzip.end();
      return into.subarray(0, length);
    };
    const fails = (bytes: Uint8Array) => {
      try {
        inflated(bytes);
        return false;
      } catch (error) {
        return error instanceof DamagedGzip;
      }
    };
    const damaged = Buffer.from(compressed);
    damaged[damaged.length - 8]! ^= 1;
    return inflated(compressed).equals(text) && fails(damaged) && fails(compressed.subarray(0, -1));
  }

  /** The next bytes, which must not change until they are used up; the last ones are. */
  take(input: Uint8Array): void {
    if (this.#at < this.#input.length) throw new Error("the last bytes are not used up");
    this.#input = input;
    this.#at = 0;
  }

  /**
   * Inflates what was taken into a buffer.
   * @returns how many bytes it made: as many as there is room for, or else all that was taken is used up
   * @throws DamagedGzip
   */
  inflate(into: Uint8Array): number {
    let made = 0;
    while (made < into.length) {
      if (this.#phase === "head" && !this.#takeHead()) break;
      if (this.#phase === "padding") {
        this.#at = this.#input.length;
        break;
      }
      made += this.#inflateBody(into.subarray(made));
      if (this.#phase === "body") break;
    }
    return made;
  }

  /** No more come. @throws DamagedGzip where there should be more */
  end(): void {
    const isAtEnd =
      this.#phase === "head" ? this.#isBegun && this.#head === undefined : this.#phase === "padding";
    if (!isAtEnd) throw new DamagedGzip("it ends early");
  }

  /** @returns whether a member's head is over, or padding has begun */
  #takeHead(): boolean {
    if (this.#at === this.#input.length) return false;
    if (this.#isBegun && this.#head === undefined && this.#input[this.#at] === 0) {
      this.#phase = "padding";
      return true;
    }
    this.#head ??= new GzipHead();
    this.#at += this.#head.take(this.#input.subarray(this.#at));
    if (!this.#head.isWhole) return false;
    this.#head = undefined;
    this.#phase = "body";
    this.#library.isal_inflate_init(this.#state);
    this.#fields.setUint32(STATE.checksumFlag, BODY_AND_CHECK, true);
    return true;
  }

  #inflateBody(into: Uint8Array): number {
    const { used, made } = this.#call(this.#input.subarray(this.#at), into);
    this.#at += used;
    if (this.#fields.getUint32(STATE.blockState, true) === FINISHED) {
      this.#phase = "head";
      this.#isBegun = true;
    } else if (this.#at < this.#input.length && made < into.length) {
      throw new Error(`${LIBRARY} stopped where it should go on`);
    }
    return made;
  }

  #call(input: Uint8Array, into: Uint8Array): { used: number; made: number } {
    this.#fields.setBigUint64(STATE.nextIn, addressOf(input), true);
    this.#fields.setUint32(STATE.availableIn, input.length, true);
    this.#fields.setBigUint64(STATE.nextOut, addressOf(into), true);
    this.#fields.setUint32(STATE.availableOut, into.length, true);
    const status = this.#library.isal_inflate(this.#state);
    if (status < 0) throw new DamagedGzip(FAILURES[-status] ?? `status ${status}`);
    const used = input.length - this.#fields.getUint32(STATE.availableIn, true);
    const made = into.length - this.#fields.getUint32(STATE.availableOut, true);
    if (status > 0 || used < 0 || made < 0) throw new Error(`${LIBRARY} is not as it is known`);
    return { used, made };
  }
}

/** An empty buffer has no address. */
function addressOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(ptr(bytes));
}

let loaded: Library | null | undefined;

function loadLibrary(): Library | undefined {
  if (loaded === undefined) {
    loaded = null;
    if (process.arch !== ARCHITECTURE) return undefined;
    try {
      const library = openSymbols();
      if (IsalGunzip.tryOut(library)) loaded = library;
    } catch {
      // Not installed.
    }
  }
  return loaded ?? undefined;
}
