/** BuildKit's own API, as buildx and Compose speak it over `POST /grpc`. */
export { BuildControl, type ControlBuilds } from "./control.ts";
