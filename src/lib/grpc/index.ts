/** The answering side of gRPC, apart from its words: whoever loads it loads HTTP/2. */
export { type Handler, type Handlers, type ServedCall, type Serving, serveCalls, unary } from "./serve.ts";
