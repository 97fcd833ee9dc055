import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** A call that the plugin got: `Mount data` and the id that was sent with it, if any. */
export interface PluginCall {
  readonly method: string;
  readonly body: Readonly<Record<string, unknown>>;
}

type Reply = Response | Promise<Response>;

/**
 * A small volume plugin for tests: each volume is a directory of its own root. It listens on a unix socket, counts who
 * mounted what, and does whatever a test wants of it instead of the right thing.
 */
export class TestVolumePlugin implements AsyncDisposable {
  readonly calls: PluginCall[] = [];
  readonly volumes = new Map<string, { options: Record<string, string>; mounts: Set<string> }>();
  /** What a method answers instead. */
  readonly instead = new Map<string, (body: PluginCall["body"]) => Reply | undefined>();
  readonly socket: string;
  readonly #root: string;
  readonly #server: Bun.Server<undefined>;

  /** @param root where volumes' data is kept */
  constructor(socket: string, root: string) {
    this.socket = socket;
    this.#root = root;
    rmSync(socket, { force: true });
    mkdirSync(join(socket, ".."), { recursive: true });
    mkdirSync(root, { recursive: true });
    this.#server = Bun.serve({
      unix: socket,
      fetch: (request) => this.#serve(request),
    });
  }

  /** `Create data`, `Mount data`, … in their order, without questions. */
  get work(): string[] {
    return this.calls
      .filter(({ method }) => /^(Create|Remove|Mount|Unmount)$/.test(method))
      .map(({ method, body }) => `${method} ${String(body["Name"])}`);
  }

  path(name: string): string {
    return join(this.#root, name);
  }

  async #serve(request: Request): Promise<Response> {
    const method = new URL(request.url, "http://plugin").pathname.slice(1).replace("VolumeDriver.", "");
    const body = (await request.json().catch(() => ({}))) as PluginCall["body"];
    this.calls.push({ method, body });
    const answer = this.instead.get(method)?.(body);
    return answer ?? Response.json(this.#answer(method, body));
  }

  #answer(method: string, body: PluginCall["body"]): object {
    const name = String(body["Name"]);
    const volume = this.volumes.get(name);
    if (method === "Plugin.Activate") return { Implements: ["VolumeDriver"] };
    if (method === "Capabilities") return { Capabilities: { Scope: "global" } };
    if (method === "List")
      return { Volumes: [...this.volumes.keys()].map((each) => this.#told(each)), Err: "" };
    if (method === "Create") {
      mkdirSync(this.path(name), { recursive: true });
      this.volumes.set(name, { options: body["Opts"] as Record<string, string>, mounts: new Set() });
      return { Err: "" };
    }
    if (volume === undefined) return { Err: `no volume ${name} here` };
    switch (method) {
      case "Get":
        return { Volume: this.#told(name), Err: "" };
      case "Path":
        return { Mountpoint: this.path(name), Err: "" };
      case "Mount":
        volume.mounts.add(String(body["ID"]));
        return { Mountpoint: this.path(name), Err: "" };
      case "Unmount":
        return volume.mounts.delete(String(body["ID"])) ? { Err: "" } : { Err: "was not mounted" };
      case "Remove":
        this.volumes.delete(name);
        rmSync(this.path(name), { recursive: true, force: true });
        return { Err: "" };
      default:
        return { Err: `what is ${method}?` };
    }
  }

  #told(name: string): object {
    const { mounts } = this.volumes.get(name)!;
    return {
      Name: name,
      CreatedAt: "2024-05-06T07:08:09Z",
      Status: { mounts: mounts.size },
      ...(mounts.size === 0 ? {} : { Mountpoint: this.path(name) }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
    rmSync(this.socket, { force: true });
  }
}
