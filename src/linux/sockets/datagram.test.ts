import { expect, test } from "bun:test";
import { connectDatagram } from "./datagram.ts";

test("connectDatagram() says where nobody listens", () => {
  expect(() => connectDatagram("/nonexistent/socket")).toThrow("ENOENT");
});
