import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { type Digest, digestOf } from "../lib/index.ts";

import { DEFAULT_REGISTRIES, type Patience, type RegistriesConfig } from "./config.ts";
import { DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST } from "./manifests/media-types.ts";

/** A registry in the test's own process, which keeps everything in memory and misbehaves as it is told. */

/** Tests wait for nothing that they can help. */
export const IMPATIENCE: Patience = { answerMs: 10_000, idleMs: 500, backOffMs: 1, retryAfterMs: 5000 };

export function configFor(more: Partial<RegistriesConfig> = {}): RegistriesConfig {
  return { ...DEFAULT_REGISTRIES, certificates: "/nonexistent", ...more };
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export interface Published {
  readonly config: Digest;
  readonly manifest: Digest;
  readonly layers: readonly Digest[];
}

export interface ImageOptions {
  readonly compress?: (tar: Uint8Array) => Uint8Array;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
  /** Fields of the manifest that are to be otherwise. */
  readonly manifest?: Record<string, unknown>;
  readonly layerType?: string;
  /** What the configuration says its layers are, where that is to be wrong. */
  readonly diffIds?: readonly Digest[];
}

/** @returns true where the request is dealt with */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

export class FakeRegistry implements AsyncDisposable {
  readonly blobs = new Map<string, Uint8Array>();
  /** `repository@reference`. */
  readonly manifests = new Map<string, { readonly type: string; readonly bytes: Uint8Array }>();
  /** Which repositories a blob is in. */
  readonly places = new Map<string, Set<string>>();
  readonly uploads = new Map<string, { readonly repository: string; bytes: Buffer }>();
  readonly asked: Asked[] = [];
  misbehave: Misbehaviour = () => false;
  readonly #server: Server;
  #uploadCount = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeRegistry> {
    const server = createServer();
    const registry = new FakeRegistry(server);
    server.on("request", (request, response) => {
      registry.#serve(request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  get host(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  }

  /** Requests as `GET /v2/…`, without the search for the protocol. */
  log(): string[] {
    return this.asked.map(({ method, path }) => `${method} ${path}`).filter((line) => line !== "GET /v2/");
  }

  addBlob(repository: string, bytes: Uint8Array): Digest {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    this.places.set(digest, (this.places.get(digest) ?? new Set()).add(repository));
    return digest;
  }

  addManifest(repository: string, references: readonly string[], type: string, json: unknown): Digest {
    const bytes = Buffer.from(typeof json === "string" ? json : JSON.stringify(json));
    const digest = digestOf(bytes);
    for (const reference of [...references, digest])
      this.manifests.set(`${repository}@${reference}`, { type, bytes });
    return digest;
  }

  /** Publishes an image of these layers' tars. */
  addImage(
    repository: string,
    tag: string,
    tars: readonly Uint8Array[],
    options: ImageOptions = {},
  ): Published {
    const { compress = gzipSync, platform = { os: "linux", architecture: "amd64" } } = options;
    const forms = tars.map((tar) => compress(tar));
    const layers = forms.map((form) => this.addBlob(repository, form));
    const config = Buffer.from(
      JSON.stringify({
        ...platform,
        config: { Cmd: ["sh"] },
        rootfs: { type: "layers", diff_ids: options.diffIds ?? tars.map((tar) => digestOf(tar)) },
      }),
    );
    const configDigest = this.addBlob(repository, config);
    const json = {
      schemaVersion: 2,
      mediaType: DOCKER_MANIFEST,
      config: { mediaType: DOCKER_CONFIG, size: config.length, digest: configDigest },
      layers: layers.map((digest, i) => ({
        mediaType: options.layerType ?? DOCKER_LAYER,
        size: forms[i]!.length,
        digest,
      })),
      ...options.manifest,
    };
    const manifest = this.addManifest(repository, [tag], json.mediaType, json);
    return { config: configDigest, manifest, layers };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    const isDealtWith = await this.misbehave(request, response);
    const asked = { method: request.method ?? "", path: request.url ?? "", headers: request.headers };
    if (isDealtWith) {
      this.asked.push({ ...asked, body: Buffer.alloc(0) });
      return;
    }
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    this.asked.push({ ...asked, body });
    const url = new URL(asked.path, "http://registry");
    const blob = /^\/v2\/(.+)\/blobs\/(sha256:[0-9a-f]{64})$/.exec(url.pathname);
    const manifest = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(url.pathname);
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(url.pathname);
    const tags = /^\/v2\/(.+)\/tags\/list$/.exec(url.pathname);
    if (url.pathname === "/v2/") answer(response, 200, "{}");
    else if (blob !== null) this.#blob(request, response, blob[1]!, blob[2]!);
    else if (manifest !== null) this.#manifest(request, response, manifest[1]!, manifest[2]!, body);
    else if (upload !== null) this.#upload(request, response, upload[1]!, upload[2]!, url, body);
    else if (tags !== null) {
      const prefix = `${tags[1]}@`;
      const all = [...this.manifests.keys()].filter(
        (key) => key.startsWith(prefix) && !key.includes("sha256:"),
      );
      answer(
        response,
        200,
        JSON.stringify({ name: tags[1], tags: all.map((key) => key.slice(prefix.length)) }),
      );
    } else refuse(response, 404, "UNSUPPORTED");
  }

  #blob(request: IncomingMessage, response: ServerResponse, repository: string, digest: string): void {
    const bytes = this.places.get(digest)?.has(repository) === true ? this.blobs.get(digest) : undefined;
    if (bytes === undefined) {
      refuse(response, 404, "BLOB_UNKNOWN");
      return;
    }
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (from === 0) response.writeHead(200, { "Content-Length": bytes.length });
    else {
      response.writeHead(206, {
        "Content-Length": bytes.length - from,
        "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
      });
    }
    response.end(request.method === "HEAD" ? undefined : bytes.subarray(from));
  }

  #manifest(
    { method, headers }: IncomingMessage,
    response: ServerResponse,
    repository: string,
    reference: string,
    body: Buffer,
  ): void {
    if (method === "PUT") {
      const digest = this.addManifest(
        repository,
        [reference],
        headers["content-type"] ?? "",
        body.toString(),
      );
      response.writeHead(201, { "Docker-Content-Digest": digest }).end();
      return;
    }
    const found = this.manifests.get(`${repository}@${reference}`);
    if (found === undefined) {
      refuse(response, 404, "MANIFEST_UNKNOWN");
      return;
    }
    response.writeHead(200, {
      "Content-Type": found.type,
      "Content-Length": found.bytes.length,
      "Docker-Content-Digest": digestOf(found.bytes),
    });
    response.end(method === "HEAD" ? undefined : found.bytes);
  }

  #upload(
    { method }: IncomingMessage,
    response: ServerResponse,
    repository: string,
    id: string,
    url: URL,
    body: Buffer,
  ): void {
    const mounted = url.searchParams.get("mount");
    const from = url.searchParams.get("from");
    if (
      method === "POST" &&
      mounted !== null &&
      from !== null &&
      this.places.get(mounted)?.has(from) === true
    ) {
      this.places.get(mounted)!.add(repository);
      response.writeHead(201, { Location: `/v2/${repository}/blobs/${mounted}` }).end();
      return;
    }
    if (method === "POST") {
      const name = `upload-${++this.#uploadCount}`;
      this.uploads.set(name, { repository, bytes: Buffer.alloc(0) });
      response.writeHead(202, { Location: `/v2/${repository}/blobs/uploads/${name}?_state=x` }).end();
      return;
    }
    const upload = this.uploads.get(id);
    if (upload === undefined) {
      refuse(response, 404, "BLOB_UPLOAD_UNKNOWN");
      return;
    }
    upload.bytes = Buffer.concat([upload.bytes, body]);
    const where = {
      Location: `/v2/${repository}/blobs/uploads/${id}?_state=y`,
      Range: `0-${Math.max(0, upload.bytes.length - 1)}`,
    };
    if (method === "PATCH") response.writeHead(202, where).end();
    else if (method === "GET") response.writeHead(204, where).end();
    else if (digestOf(upload.bytes) !== url.searchParams.get("digest"))
      refuse(response, 400, "DIGEST_INVALID");
    else {
      this.uploads.delete(id);
      this.addBlob(repository, upload.bytes);
      response.writeHead(201).end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }
}

export function answer(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(body);
}

/** As OCI's specification words a refusal. */
export function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  message = code.toLowerCase().replaceAll("_", " "),
  headers: Record<string, string> = {},
): void {
  answer(response, status, JSON.stringify({ errors: [{ code, message }] }), headers);
}
