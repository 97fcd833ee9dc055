import type { EndpointClient } from "./endpoint-client.ts";
import { errorOfAnswer, RegistryError } from "./errors.ts";
import type { Transport } from "./transport.ts";

/** One answer of the index, in the API's words. */
export interface SearchResult {
  name: string;
  description: string;
  star_count: number;
  is_official: boolean;
  is_automated: boolean;
}

export interface SearchOptions {
  /** At most so many; 25 where nothing is said. */
  readonly limit?: number | undefined;
  readonly signal: AbortSignal;
}

const RESULT_BYTES_MAX = 4 << 20;
const RESULTS_MAX = 100;
const LIMIT = 25;

/**
 * Docker Hub's search, version 1 of the registry protocol, which some others have too: `GET /v1/search?q=&n=`.
 * @throws RegistryError
 */
export async function searchImages(
  client: EndpointClient,
  transport: Transport,
  query: string,
  { limit = LIMIT, signal }: SearchOptions,
): Promise<SearchResult[]> {
  const url = await client.address("/v1/search", signal);
  url.searchParams.set("q", query);
  url.searchParams.set("n", String(limit));
  const answer = await transport.send({ method: "GET", url, signal, insecure: client.endpoint.insecure });
  if (answer.status !== 200) {
    throw errorOfAnswer(answer.status, answer.statusText, await answer.body.head(), {
      retryAfter: answer.headers.get("retry-after"),
    });
  }
  return readResults(await answer.body.bytes(RESULT_BYTES_MAX, "the search's result"));
}

function readResults(bytes: Uint8Array): SearchResult[] {
  let json: { results?: unknown };
  try {
    json = JSON.parse(Buffer.from(bytes).toString("utf8")) as { results?: unknown };
  } catch {
    throw new RegistryError("the search's result is no JSON", {});
  }
  const results: unknown = json?.results ?? [];
  if (!Array.isArray(results)) throw new RegistryError("the search's result is malformed", {});
  return results.slice(0, RESULTS_MAX).map((value) => {
    const result = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
    return {
      name: typeof result["name"] === "string" ? result["name"] : "",
      description: typeof result["description"] === "string" ? result["description"] : "",
      star_count: typeof result["star_count"] === "number" ? result["star_count"] : 0,
      is_official: result["is_official"] === true,
      is_automated: result["is_automated"] === true,
    };
  });
}
