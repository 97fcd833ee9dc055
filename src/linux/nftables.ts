import { dlopen, type Pointer } from "bun:ffi";
import { accessSync } from "node:fs";
import { type EngineError, systemError, unavailable } from "../lib/index.ts";
import { inNetworkNamespace, type NamespaceHandle } from "./namespaces/enter.ts";
import { NftablesGeneration } from "./netlink/nftables-generation.ts";
import { cString } from "./paths.ts";

/** The library's name since its first release. */
const LIBRARY = "libnftables.so.1";
/** Where distributions put the command; a helper is never looked up in PATH. */
const COMMANDS = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"];
/** The most of nft's own words that goes into an error: it repeats the line it did not like, which may be long. */
const LONGEST_MESSAGE = 2000;

/**
 * The packet filter of one network namespace, changed by scripts in nft's language (nft(8)). A script is one
 * transaction: all of it comes into force at once, or nothing.
 *
 * Scripts run inside this process by libnftables, which takes about 0.1 ms where a spawned `nft` takes 12 to 30; where
 * the library is missing, `nft` is spawned. Open it early and keep it: the library ends the process where it cannot have
 * a netlink socket at that moment. Never put text of users into a script unchecked.
 */
export interface Nftables extends Disposable {
  /**
   * Runs a script. @returns what `list` commands in it printed.
   * @throws System with nft's own message.
   */
  run(script: string): string;
  /** Another number after every transaction in this namespace, whoever made it. Costs some microseconds. */
  generation(): number;
  close(): void;
}

export const Nftables = {
  /**
   * Opens the packet filter of a namespace, or of the one that the thread is in.
   * @throws Unavailable where neither the library nor the command is installed.
   */
  open(namespace?: NamespaceHandle): Nftables {
    return Nftables.openLibrary(namespace) ?? Nftables.openCommand(namespace);
  },

  /** By libnftables; undefined where it is not installed. */
  openLibrary(namespace?: NamespaceHandle): Nftables | undefined {
    const library = loadLibrary();
    if (library === undefined) return undefined;
    const open = () => new LibraryNftables(library, new NftablesGeneration());
    return namespace === undefined ? open() : inNetworkNamespace(namespace, open);
  },

  /** By the command `nft`. @throws Unavailable where it is not installed. */
  openCommand(namespace?: NamespaceHandle): Nftables {
    const command = COMMANDS.find(isExecutable);
    if (command === undefined)
      throw unavailable("nftables is not installed: neither libnftables.so.1 nor nft was found");
    return new CommandNftables(command, new NftablesGeneration(namespace), namespace);
  },
};

type Library = NonNullable<ReturnType<typeof loadLibrary>>;

function openSymbols() {
  return dlopen(LIBRARY, {
    nft_ctx_new: { args: ["u32"], returns: "ptr" },
    nft_ctx_free: { args: ["ptr"], returns: "void" },
    nft_ctx_buffer_output: { args: ["ptr"], returns: "i32" },
    nft_ctx_buffer_error: { args: ["ptr"], returns: "i32" },
    nft_ctx_get_output_buffer: { args: ["ptr"], returns: "cstring" },
    nft_ctx_get_error_buffer: { args: ["ptr"], returns: "cstring" },
    nft_run_cmd_from_buffer: { args: ["ptr", "ptr"], returns: "i32" },
  } as const).symbols;
}

/** Loaded once: finding and linking it takes some milliseconds. */
let loaded: ReturnType<typeof openSymbols> | null | undefined;

function loadLibrary() {
  if (loaded === undefined) {
    try {
      loaded = openSymbols();
    } catch {
      loaded = null;
    }
  }
  return loaded ?? undefined;
}

/** A context of libnftables. Its netlink socket belongs to the namespace in which it was made. */
class LibraryNftables implements Nftables {
  readonly #library: Library;
  readonly #generation: NftablesGeneration;
  #context: Pointer | null;

  constructor(library: Library, generation: NftablesGeneration) {
    this.#library = library;
    this.#generation = generation;
    this.#context = library.nft_ctx_new(0) as Pointer | null;
    if (this.#context === null) throw systemError("nftables: cannot be initialised");
    library.nft_ctx_buffer_output(this.#context);
    library.nft_ctx_buffer_error(this.#context);
  }

  run(script: string): string {
    if (this.#context === null) throw systemError("nftables: closed");
    const status = this.#library.nft_run_cmd_from_buffer(this.#context, cString(script));
    const output = String(this.#library.nft_ctx_get_output_buffer(this.#context) ?? "");
    const message = String(this.#library.nft_ctx_get_error_buffer(this.#context) ?? "");
    if (status !== 0) throw failure(message);
    return output;
  }

  generation(): number {
    return this.#generation.read();
  }

  close(): void {
    if (this.#context === null) return;
    this.#library.nft_ctx_free(this.#context);
    this.#context = null;
    this.#generation[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A process for each script. It starts in the namespace that this thread is in. */
class CommandNftables implements Nftables {
  readonly #command: string;
  readonly #generation: NftablesGeneration;
  readonly #namespace: NamespaceHandle | undefined;

  constructor(command: string, generation: NftablesGeneration, namespace: NamespaceHandle | undefined) {
    this.#command = command;
    this.#generation = generation;
    this.#namespace = namespace;
  }

  run(script: string): string {
    const spawn = () => Bun.spawnSync([this.#command, "-f", "-"], { stdin: Buffer.from(script), env: {} });
    const result = this.#namespace === undefined ? spawn() : inNetworkNamespace(this.#namespace, spawn);
    if (result.exitCode !== 0) throw failure(result.stderr.toString());
    return result.stdout.toString();
  }

  generation(): number {
    return this.#generation.read();
  }

  close(): void {
    this.#generation[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function failure(message: string): EngineError {
  return systemError(`nftables: ${message.trim().slice(0, LONGEST_MESSAGE)}`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}
