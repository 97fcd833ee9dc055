import { invalidParameter } from "../lib/index.ts";
import { type AuthFields, type Credentials, credentialsOf } from "./auth/credentials.ts";
import { Tokens } from "./auth/tokens.ts";
import { PATIENCE, type Patience, type RegistriesConfig } from "./config.ts";
import { EndpointClient, type Protocols } from "./endpoint-client.ts";
import {
  checkInsecure,
  endpointsToPull,
  endpointToPush,
  parseMirror,
  type RepositoryName,
} from "./endpoints.ts";
import { domainOfServer } from "./hosts.ts";
import { type LoginResult, logIn } from "./login.ts";
import { type RemoteOptions, RemoteRepository } from "./repository.ts";
import { type SearchOptions, type SearchResult, searchImages } from "./search.ts";
import { Transport } from "./transport.ts";
import { PushTarget } from "./upload.ts";

/** The registries of the world, as this engine is configured to reach them. */
export class Registries {
  readonly config: RegistriesConfig;
  readonly #transport: Transport;
  readonly #tokens: Tokens;
  readonly #protocols: Protocols = new Map();
  readonly #remote: RemoteOptions;

  /** @throws InvalidParameter for mirrors and insecure registries that can't be */
  constructor(config: RegistriesConfig, patience: Patience = PATIENCE) {
    for (const mirror of [...config.mirrors, ...config.rules.flatMap(({ mirrors }) => mirrors)])
      parseMirror(mirror);
    for (const entry of config.insecure) checkInsecure(entry);
    this.config = config;
    this.#transport = new Transport({ ...config, patience });
    this.#tokens = new Tokens(this.#transport);
    this.#remote = { transport: this.#transport, patience, attempts: config.maxAttempts };
  }

  /** A repository to pull from. @throws Forbidden where the configuration blocks it */
  async repository(name: RepositoryName, credentials: Credentials | undefined): Promise<RemoteRepository> {
    const endpoints = await endpointsToPull(this.config, name);
    const clients = endpoints.map((endpoint) => new EndpointClient(endpoint, this.#parts, credentials));
    return new RemoteRepository(name, clients, this.#remote);
  }

  /** A repository to push to. @throws Forbidden where the configuration blocks it */
  async pushTarget(name: RepositoryName, credentials: Credentials | undefined): Promise<PushTarget> {
    const endpoint = await endpointToPush(this.config, name);
    return new PushTarget(name, new EndpointClient(endpoint, this.#parts, credentials), this.#remote);
  }

  /**
   * Checks with a registry who somebody is.
   * @throws Unauthorized in the registry's words
   */
  async logIn(fields: AuthFields & { readonly serveraddress?: string | undefined }): Promise<LoginResult> {
    const credentials = credentialsOf(fields);
    const domain = domainOfServer(fields.serveraddress ?? "");
    const endpoint = await endpointToPush(this.config, { domain, path: "" });
    const client = new EndpointClient(endpoint, this.#parts, credentials);
    return await logIn(client, this.#tokens, credentials);
  }

  /** `docker search`. */
  async search(term: string, options: SearchOptions): Promise<SearchResult[]> {
    const { domain, query, host } = splitTerm(term);
    const endpoint = await endpointToPush(this.config, { domain, path: "" });
    const client = new EndpointClient({ ...endpoint, host }, this.#parts, undefined);
    return await searchImages(client, this.#transport, query, options);
  }

  get #parts() {
    return { transport: this.#transport, tokens: this.#tokens, protocols: this.#protocols };
  }
}

/** The index of Docker Hub, which answers searches, has a host of its own. */
const DOCKER_INDEX = "index.docker.io";

/** `registry.example:5000/term` asks that registry, all else Docker Hub. */
function splitTerm(term: string): { domain: string; host: string; query: string } {
  if (term.includes("://"))
    throw invalidParameter("invalid repository name: repository name should not have a scheme");
  const slash = term.indexOf("/");
  const first = slash < 0 ? "" : term.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === "localhost";
  const domain = domainOfServer(isHost ? first : "");
  const rest = isHost ? term.slice(slash + 1) : term;
  const isHub = domain === domainOfServer("");
  return {
    domain,
    host: isHub ? DOCKER_INDEX : domain,
    query: isHub ? rest.replace(/^library\//, "") : rest,
  };
}
