import { describe, expect, test } from "bun:test";
import { Registries } from "../registries.ts";
import { configFor, FakeRegistry, IMPATIENCE, refuse } from "../testing.ts";
import { credentialsOfHeader } from "./credentials.ts";

const signal = new AbortController().signal;

/** A registry whose token server is itself. */
class TokenRegistry {
  readonly tokens: { query: URLSearchParams; form: URLSearchParams; authorization: string | undefined }[] =
    [];
  grant: () => unknown = () => ({ token: "good", expires_in: 300 });
  accepts: (token: string | undefined) => boolean = (token) => token === "Bearer good";

  constructor(registry: FakeRegistry) {
    registry.misbehave = async (request, response) => {
      const url = new URL(request.url ?? "", `http://${registry.host}`);
      if (url.pathname === "/token") {
        let body = "";
        for await (const chunk of request) body += String(chunk);
        const { authorization } = request.headers;
        this.tokens.push({ query: url.searchParams, form: new URLSearchParams(body), authorization });
        const granted = this.grant();
        if (granted === undefined) refuse(response, 401, "UNAUTHORIZED", "incorrect username or password");
        else response.end(JSON.stringify(granted));
        return true;
      }
      if (this.accepts(request.headers.authorization)) return false;
      const challenge = `Bearer realm="http://${registry.host}/token",service="here",scope="repository:app:pull"`;
      const refused = request.headers.authorization === undefined ? "" : ',error="insufficient_scope"';
      refuse(response, 401, "UNAUTHORIZED", "authentication required", {
        "WWW-Authenticate": challenge + refused,
      });
      return true;
    };
  }
}

async function withTokens(
  work: (tokens: TokenRegistry, registry: FakeRegistry, registries: Registries) => Promise<void>,
): Promise<void> {
  await using registry = await FakeRegistry.start();
  registry.addImage("app", "v1", [new Uint8Array(1024)]);
  await work(new TokenRegistry(registry), registry, new Registries(configFor(), IMPATIENCE));
}

describe("bearer tokens", () => {
  test("one is fetched for what is wanted, and used until it expires", async () => {
    await withTokens(async (tokens, { host }, registries) => {
      const name = { domain: host, path: "app" };
      const me = { username: "me", password: "se:cret" };
      await (await registries.repository(name, me)).manifest("v1", signal);
      await (await registries.repository(name, me)).manifest("v1", signal);
      expect(tokens.tokens.length).toBe(1);
      const [{ query, authorization }] = tokens.tokens as [TokenRegistry["tokens"][0]];
      expect([...query]).toEqual([
        ["service", "here"],
        ["scope", "repository:app:pull"],
        ["account", "me"],
      ]);
      expect(authorization).toBe(`Basic ${btoa("me:se:cret")}`);
      await (await registries.repository(name, undefined)).manifest("v1", signal);
      expect(tokens.tokens[1]?.authorization).toBeUndefined();
    });
  });

  test("a token that is refused is fetched anew, once", async () => {
    await withTokens(async (tokens, { host }, registries) => {
      const remote = await registries.repository({ domain: host, path: "app" }, undefined);
      await remote.manifest("v1", signal);
      tokens.accepts = (token) => token === "Bearer better";
      tokens.grant = () => ({ access_token: "better" });
      await remote.manifest("v1", signal);
      expect(tokens.tokens.length).toBe(2);
      tokens.accepts = () => false;
      await expect(remote.manifest("v1", signal)).rejects.toMatchObject({
        code: "DENIED",
        message: "denied: requested access to the resource is denied",
      });
      expect(tokens.tokens.length).toBe(3);
    });
  });

  test("a refresh token stands for a password", async () => {
    await withTokens(async (tokens, { host }, registries) => {
      const remote = await registries.repository({ domain: host, path: "app" }, { identityToken: "refresh" });
      await remote.manifest("v1", signal);
      expect(Object.fromEntries(tokens.tokens[0]!.form)).toEqual({
        grant_type: "refresh_token",
        refresh_token: "refresh",
        client_id: "berth",
        service: "here",
        scope: "repository:app:pull",
      });
      expect(tokens.tokens[0]!.authorization).toBeUndefined();
    });
  });

  test("a token of the client's own is passed on", async () => {
    await withTokens(async (tokens, { host }, registries) => {
      const remote = await registries.repository({ domain: host, path: "app" }, { registryToken: "good" });
      await remote.manifest("v1", signal);
      expect(tokens.tokens).toEqual([]);
    });
  });

  test("login says yes with a refresh token, or no in the server's words", async () => {
    await withTokens(async (tokens, { host }, registries) => {
      const me = { username: "me", password: "secret", serveraddress: host };
      tokens.grant = () => ({ token: "good", refresh_token: "again" });
      expect(await registries.logIn(me)).toEqual({ status: "Login Succeeded", identityToken: "again" });
      expect(tokens.tokens[0]!.query.get("offline_token")).toBe("true");
      tokens.grant = () => undefined;
      await expect(registries.logIn({ ...me, password: "wrong" })).rejects.toMatchObject({
        kind: "Unauthorized",
        message: `Get "http://${host}/v2/": unauthorized: incorrect username or password`,
      });
    });
  });

  test.each([
    ["no token", {}],
    ["a token that would break a header", { token: "a\r\nX-Evil: 1" }],
    ["no object", []],
  ])("an answer with %s is refused", async (_, granted) => {
    await withTokens(async (tokens, { host }, registries) => {
      tokens.grant = () => granted;
      const remote = await registries.repository({ domain: host, path: "app" }, undefined);
      await expect(remote.manifest("v1", signal)).rejects.toThrow("the token server's answer is malformed");
    });
  });
});

describe("X-Registry-Auth", () => {
  const header = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

  test("is base64url, with padding or without, or plain base64", () => {
    const value = { username: "ü?>", password: "~~~" };
    for (const text of [
      header(value),
      `${header(value)}==`,
      Buffer.from(JSON.stringify(value)).toString("base64"),
    ]) {
      expect(credentialsOfHeader(text)).toMatchObject(value);
    }
    expect(credentialsOfHeader(header({ auth: btoa("me:a:b") }))).toMatchObject({
      username: "me",
      password: "a:b",
    });
  });

  test("means nobody where it is absent or empty, and is refused where it is malformed", () => {
    expect(credentialsOfHeader(undefined)).toBeUndefined();
    expect(credentialsOfHeader(header({}))).toBeUndefined();
    for (const text of ["!", header("x"), header([1]), header({ username: 1 })]) {
      expect(() => credentialsOfHeader(text)).toThrow("X-Registry-Auth");
    }
  });
});
