import type { ContainerCreateRequest, ContainerInspect, EndpointSettings } from "../../wire/index.ts";
import type { Application, NamedService } from "../application.ts";

/** A container as others name it. */
export interface NamedContainer {
  readonly id: string;
  /** Without the slash. */
  readonly name: string;
}

/** One container of a service that is to be made. */
export interface CreateContext {
  readonly app: Application;
  readonly service: NamedService;
  /** From 1; 0 for those of `run`. */
  readonly number: number;
  /** What the container is called when it is made; others find it by `containerName` all the same. */
  readonly name: string;
  /** The id of the service's image, for the label `com.docker.compose.image`. */
  readonly imageId?: string;
  /** The configuration hash, of the service as `resolveService` gives it. */
  readonly hash: string;
  /** The container whose place this one takes: its anonymous volumes are handed on. */
  readonly previous?: ContainerInspect;
  /** Anonymous volumes begin anew instead. */
  readonly renewAnonymousVolumes?: boolean;
  /** Further labels, over those of the service and of Compose. */
  readonly labels?: Readonly<Record<string, string>>;
  /** A container of `run`. */
  readonly oneOff?: OneOff;
  /** Containers of a service as they are by now, in the order of their numbers: for namespaces, volumes and links. */
  readonly containersOf: (service: string) => readonly NamedContainer[];
}

/** What is different for a container of `run`; its command and the like stand in the service already. */
export interface OneOff {
  readonly slug: string;
  readonly autoRemove?: boolean;
  /** Its standard input is the client's. */
  readonly attachStdin?: boolean;
  /** Known on the networks by the service's names, too. */
  readonly useAliases?: boolean;
}

/** A service's container as the engine is asked for it. */
export interface CreatedRequest {
  readonly request: ContainerCreateRequest;
  /** `linux/arm64`, where the service or the environment asks for one. */
  readonly platform?: string;
  /** Networks that an engine before API 1.44 joins only after the container is made. */
  readonly extraNetworks: readonly { readonly network: string; readonly settings: EndpointSettings }[];
  /** Secrets and configs that are no bind mounts. */
  readonly files: readonly FileToCopy[];
  readonly warnings: readonly string[];
}

/** A file, or folder, that is put into the container before it starts. */
export interface FileToCopy {
  /** What it is, for messages: `secret "token"`. */
  readonly what: string;
  /** Absolute path in the container. */
  readonly target: string;
  /** What it holds, or where that is on this machine. */
  readonly content: { readonly text: string } | { readonly path: string };
  readonly uid: number;
  readonly gid: number;
  /** Permission bits; where undefined those of the file on this machine. */
  readonly mode?: number;
  /**
   * How it gets there: into the container's own files (`archive`), or as a mount of a file in a volume made for it, where
   * the place is read-only or another mount's.
   */
  readonly by: "archive" | "volume";
}
