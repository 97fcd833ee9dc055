import { type IpAddress, tryParseAddress } from "../cidr.ts";
import type { LiveNetwork } from "../network.ts";
import type { EndpointRecord } from "../records.ts";
import { type Answer, nameData, type Question, RCODE, readQuestion, reply, TYPE } from "./message.ts";
import { reverseName } from "./names.ts";

/** How long a name may be remembered, as Docker says. */
const TTL_SECONDS = 600;

/** What a container sees: its networks, in the order of its interfaces. */
export type Neighbourhood = () => readonly {
  readonly network: LiveNetwork;
  readonly endpoint: EndpointRecord;
}[];

/** Whom to ask about what no container is called. */
export interface Upstream {
  /** @returns the answer as it came; undefined where nobody gave one */
  ask(query: Uint8Array, question: Question, transport: Transport): Promise<Uint8Array | undefined>;
}

export type Transport = "udp" | "tcp";

/** Answers a container's questions: its neighbours' names first, everything else by asking on. */
export class Resolver {
  readonly #neighbourhood: Neighbourhood;
  readonly #upstream: () => Upstream | undefined;
  /** So that several of one name take turns. */
  #turn = 0;

  /**
   * @param upstream whom to ask now; nobody for a container on internal networks only: for it the world outside has no
   * names, and not even a question leaves (CVE-2024-29018)
   */
  constructor(neighbourhood: Neighbourhood, upstream: () => Upstream | undefined) {
    this.#neighbourhood = neighbourhood;
    this.#upstream = upstream;
  }

  /** Undefined for what is not a question. Never throws. */
  async answer(query: Uint8Array, transport: Transport): Promise<Uint8Array | undefined> {
    const question = readQuestion(query);
    if (question === undefined) return undefined;
    const own = this.#own(question);
    const bytesMax = transport === "udp" ? question.udpBytesMax : undefined;
    if (own !== undefined) return reply(query, question, RCODE.ok, own, bytesMax);
    const upstream = this.#upstream();
    if (upstream === undefined) return reply(query, question, RCODE.nameError);
    const answer = await upstream.ask(query, question, transport).catch(() => undefined);
    return answer ?? reply(query, question, RCODE.serverFailure);
  }

  /** Undefined where no container has that name; empty where one has, but not this kind of address. */
  #own(question: Question): Answer[] | undefined {
    if (question.type === TYPE.PTR) return this.#reverse(question.name);
    const found = this.#find(question.name);
    if (found.length === 0) return undefined;
    if (question.type !== TYPE.A && question.type !== TYPE.AAAA) return [];
    const addresses = found
      .map((endpoint) => addressOf(question.type === TYPE.A ? endpoint.ipv4 : endpoint.ipv6))
      .filter((address) => address !== undefined);
    const start = addresses.length === 0 ? 0 : this.#turn++ % addresses.length;
    return [...addresses.slice(start), ...addresses.slice(0, start)].map((address) => ({
      type: question.type,
      ttlSeconds: TTL_SECONDS,
      data: addressData(address),
    }));
  }

  #find(name: string): readonly EndpointRecord[] {
    for (const { network, endpoint } of this.#neighbourhood()) {
      const wanted = linkedName(endpoint, name) ?? name;
      const found = network.names.find(wanted);
      if (found.length > 0) return found;
      // `web.backend`: somebody on the network of that name.
      const suffix = `.${network.record.name.toLowerCase()}`;
      if (!name.toLowerCase().endsWith(suffix)) continue;
      const qualified = network.names.find(name.slice(0, -suffix.length));
      if (qualified.length > 0) return qualified;
    }
    return [];
  }

  #reverse(name: string): Answer[] | undefined {
    const address = reverseName(name);
    if (address === undefined) return undefined;
    for (const { network } of this.#neighbourhood()) {
      const endpoint = network.names.findAddress(address);
      if (endpoint === undefined) continue;
      const data = nameData(`${endpoint.containerName}.${network.record.name}`);
      return [{ type: TYPE.PTR, ttlSeconds: TTL_SECONDS, data }];
    }
    return undefined;
  }
}

/** `--link db:store` on a network: this container alone calls `db` by that name. */
function linkedName(endpoint: EndpointRecord, name: string): string | undefined {
  for (const link of endpoint.asked.links ?? []) {
    const [target, alias] = link.split(":", 2);
    if (alias !== undefined && alias.toLowerCase() === name.toLowerCase()) return target;
  }
  return undefined;
}

function addressOf(cidr: string | undefined): IpAddress | undefined {
  return cidr === undefined ? undefined : tryParseAddress(cidr.slice(0, cidr.indexOf("/")));
}

function addressData(address: IpAddress): Uint8Array {
  const bytes = address.family === 4 ? 4 : 16;
  return Buffer.from(address.value.toString(16).padStart(bytes * 2, "0"), "hex");
}
