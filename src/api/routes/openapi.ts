import { VERSION } from "../../lib/index.ts";
import type { Router } from "../router.ts";

/** `GET /openapi.json`: the document of the API, made when it is first asked for. */
export function addOpenApiRoute(router: Router): void {
  let document: unknown;
  router.get("/openapi.json", async (call) => {
    if (document === undefined) {
      const { openApiDocument } = await import("../openapi/document.ts");
      document = openApiDocument(router.routes, VERSION);
    }
    call.json(200, document);
  });
}
