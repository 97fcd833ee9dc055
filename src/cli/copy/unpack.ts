/** Unpacks a container's tar on this host, below one folder. */
export { unpackTree as unpackLocal } from "../../sdk/index.ts";
