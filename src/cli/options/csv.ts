/** What flags take as lists of fields. */
export { parseCsv } from "../../sdk/index.ts";
