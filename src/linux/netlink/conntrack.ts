import { AF_INET, AF_INET6 } from "../constants.ts";
import { ENOENT, isErrno } from "../errors.ts";
import { inNetworkNamespace, type NamespaceHandle } from "../namespaces/enter.ts";
import { NetlinkMessage, type NetlinkReply, parseAttributes } from "./message.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

// linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nfnetlink_conntrack.h
const NETLINK_NETFILTER = 12;
const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_GET = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const NLA_F_NESTED = 0x8000;
const CTA_TUPLE_ORIG = 1;
const CTA_FILTER = 25;
const CTA_TUPLE_PROTO = 2;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_DST_PORT = 3;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_FILTER_F_PROTO_NUM = 1 << 3;
const CTA_FILTER_F_PROTO_DST_PORT = 1 << 5;
const IPPROTO_UDP = 17;

/** Ports that are each asked for alone; of more, all of UDP is looked through once. */
const QUESTIONS_MAX = 8;

/**
 * What the kernel remembers of the connections that pass through a network namespace: it re-addresses all packets of
 * one as it did the first. UDP has no end, so what is remembered of it outlives what it was for.
 */
export class ConnectionTracking implements Disposable {
  readonly #socket: NetlinkSocket;

  constructor(namespace?: NamespaceHandle) {
    const open = () => new NetlinkSocket(NETLINK_NETFILTER);
    this.#socket = namespace === undefined ? open() : inNetworkNamespace(namespace, open);
  }

  /**
   * Forgets what began with a UDP packet to one of these ports, whatever address it was for: the next packet is looked
   * at anew. @returns how many it were. @throws LinuxError where the kernel does not track, or cannot be asked
   */
  forgetUdp(ports: ReadonlySet<number>): number {
    const questions = ports.size <= QUESTIONS_MAX ? [...ports] : [undefined];
    const found = [AF_INET, AF_INET6].flatMap((family) =>
      questions.flatMap((port) =>
        this.#socket.dump(
          () => udpConnections(family, port),
          "IPCTNL_MSG_CT_GET",
          (reply) => (ports.has(destinationPort(reply) ?? -1) ? deletion(family, reply) : undefined),
        ),
      ),
    );
    for (const message of found) this.#delete(message);
    return found.length;
  }

  #delete(message: NetlinkMessage): void {
    try {
      this.#socket.run([{ message, subject: "IPCTNL_MSG_CT_DELETE" }]);
    } catch (error) {
      // It has run out meanwhile.
      if (!isErrno(error, ENOENT)) throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** The kernel sorts out by protocol and port since Linux 5.8; older ones tell of all connections. */
function udpConnections(family: number, port: number | undefined): NetlinkMessage {
  const flags = CTA_FILTER_F_PROTO_NUM | (port === undefined ? 0 : CTA_FILTER_F_PROTO_DST_PORT);
  return header(IPCTNL_MSG_CT_GET, family)
    .nested(CTA_TUPLE_ORIG, (tuple) =>
      tuple.nested(CTA_TUPLE_PROTO, (protocol) => {
        protocol.attributeU8(CTA_PROTO_NUM, IPPROTO_UDP);
        if (port !== undefined) protocol.attribute(CTA_PROTO_DST_PORT, bigEndian(port));
      }),
    )
    .nested(CTA_FILTER, (filter) => filter.attributeU32(CTA_FILTER_ORIG_FLAGS, flags));
}

/** `struct nfgenmsg`: family, version, resource. */
function header(type: number, family: number): NetlinkMessage {
  return new NetlinkMessage((NFNL_SUBSYS_CTNETLINK << 8) | type, 0).u8(family).u8(0).u16(0);
}

/** Of a UDP connection's first packet; undefined for other protocols. */
function destinationPort({ body }: NetlinkReply): number | undefined {
  const tuple = parseAttributes(body.subarray(4)).get(CTA_TUPLE_ORIG);
  const protocol = tuple && parseAttributes(tuple).get(CTA_TUPLE_PROTO);
  const fields = protocol && parseAttributes(protocol);
  if (fields?.get(CTA_PROTO_NUM)?.readUInt8() !== IPPROTO_UDP) return undefined;
  return fields.get(CTA_PROTO_DST_PORT)?.readUInt16BE();
}

/** A connection is named by its first packet. */
function deletion(family: number, { body }: NetlinkReply): NetlinkMessage {
  const tuple = parseAttributes(body.subarray(4)).get(CTA_TUPLE_ORIG)!;
  return header(IPCTNL_MSG_CT_DELETE, family).attribute(CTA_TUPLE_ORIG | NLA_F_NESTED, tuple);
}

function bigEndian(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}
