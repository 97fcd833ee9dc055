import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Digest, digestOf, notFound, readTar, type TarEntry } from "../../lib/index.ts";
import { bindMount, extractTar, openRoot, packTree, type RootDir } from "../../linux/index.ts";
import type { Operation, Vertex } from "../graph/index.ts";
import type { DiffId, HeldLayers, Layers, NewLayer, WritableTree } from "../ports.ts";
import type { BuildScope, Result, SourceTree, Work } from "../solve/contract.ts";
import { NO_LIMITS } from "../solve/limits.ts";

/** For tests: layers in memory, unpacked wherever they are looked at. */
export class TestLayers implements Layers, AsyncDisposable {
  readonly tars = new Map<DiffId, Buffer>();
  readonly #directory: string;
  views = 0;
  /** How many layers the views had, one after the other. */
  readonly viewed: number[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(): Promise<TestLayers> {
    return new TestLayers(await mkdtemp(join(tmpdir(), "berth-layers-")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }

  async receive(tar: AsyncIterable<Uint8Array>): Promise<NewLayer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of tar) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const diffId = digestOf(bytes);
    return {
      diffId,
      tarBytes: bytes.length,
      keep: async () => {
        this.tars.set(diffId, bytes);
        return this.hold([diffId]);
      },
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async hold(layers: readonly DiffId[]): Promise<HeldLayers> {
    for (const layer of layers) if (!this.tars.has(layer)) throw notFound(`layer does not exist: ${layer}`);
    return { layers, [Symbol.dispose]: () => {} };
  }

  async #unpacked(layers: readonly DiffId[]): Promise<string> {
    const directory = await mkdtemp(join(this.#directory, "view-"));
    using root = openRoot(directory);
    for (const layer of layers) {
      await extractTar(stream(this.tars.get(layer)!), root, "/", { whiteouts: "apply" });
    }
    return directory;
  }

  async view(layers: readonly DiffId[]): Promise<RootDir> {
    this.views++;
    this.viewed.push(layers.length);
    return openRoot(await this.#unpacked(layers));
  }

  async prepare(layers: readonly DiffId[]): Promise<WritableTree> {
    const directory = await this.#unpacked(layers);
    return {
      mount: async (target) => bindMount(directory, target),
      async *diff() {
        using root = openRoot(directory);
        yield* packTree(root, "/", { name: "" });
      },
      [Symbol.asyncDispose]: async () => {},
    };
  }

  size(layer: DiffId): number {
    return this.tars.get(layer)!.length;
  }

  isInImage(): boolean {
    return false;
  }

  pin(): void {}
  unpin(): void {}

  async collect(): Promise<number> {
    return 0;
  }
}

async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** One line for each entry of a layer: `app/a 644 0:0 3 bytes`. */
export async function listTar(bytes: Uint8Array): Promise<string[]> {
  const lines: string[] = [];
  for await (const { entry } of readTar(stream(bytes))) lines.push(lineOf(entry));
  return lines;
}

function lineOf({ name, kind, mode, uid, gid, linkName, size }: TarEntry): string {
  const rest = kind === "file" ? ` ${size}` : linkName === "" ? "" : ` -> ${linkName}`;
  return `${kind} ${name} ${mode.toString(8)} ${uid}:${gid}${rest}`;
}

/** What a test build has in common. */
export function testScope(layers: Layers, directory: string, extra: Partial<BuildScope> = {}): BuildScope {
  const none = async (): Promise<never> => {
    throw notFound("none in this test");
  };
  return {
    layers,
    services: { secret: none, sshAgent: none, credentials: async () => undefined },
    epoch: undefined,
    directory,
    openContext: none,
    foundImage: () => {
      throw notFound("none in this test");
    },
    run: {
      network: "none",
      extraHosts: [],
      hostname: undefined,
      shmSizeBytes: undefined,
      ulimits: [],
      cgroupParent: undefined,
      ...NO_LIMITS,
      securityOptions: [],
      entitlements: [],
      proxies: new Map(),
    },
    ...extra,
  };
}

/** One operation on its inputs. */
export function testWork<Kind extends Operation["kind"]>(
  operation: Extract<Operation, { readonly kind: Kind }>,
  inputs: readonly Result[],
  context: BuildScope,
  printed: string[] = [],
): Work<Kind> {
  const digest: Digest = digestOf(JSON.stringify(operation));
  const vertex: Vertex = { digest, operation, inputs: [], origins: [], noCache: false };
  return {
    vertex,
    operation,
    inputs,
    context,
    signal: new AbortController().signal,
    log: (_, bytes) => printed.push(Buffer.from(bytes).toString()),
    progress: () => {},
  };
}

export function sourceOf(source: SourceTree): Result {
  return { kind: "source", source, [Symbol.asyncDispose]: async () => {} };
}

export function layersOfTest(layers: readonly DiffId[]): Result {
  return { kind: "layers", layers, [Symbol.dispose]: () => {} };
}
