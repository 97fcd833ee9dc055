import { inNetworkNamespace, type NamespaceHandle } from "../namespaces/enter.ts";
import { NetlinkMessage, parseAttributes } from "./message.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

// linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h
const NETLINK_NETFILTER = 12;
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_GETGEN = 16;
const NFTA_GEN_ID = 1;

/**
 * The number of transactions that a namespace's nftables have seen, whoever made them: while it stands still, so do all
 * tables. One question takes some microseconds, where listing a chain takes milliseconds.
 */
export class NftablesGeneration implements Disposable {
  readonly #socket: NetlinkSocket;

  constructor(namespace?: NamespaceHandle) {
    const open = () => new NetlinkSocket(NETLINK_NETFILTER);
    this.#socket = namespace === undefined ? open() : inNetworkNamespace(namespace, open);
  }

  /** 32 bits, which begin anew at 1 when they are full. @throws LinuxError */
  read(): number {
    // struct nfgenmsg: family, version, resource
    const message = new NetlinkMessage((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN, 0).u8(0).u8(0).u16(0);
    let generation = 0;
    this.#socket.ask({ message, subject: "NFT_MSG_GETGEN" }, ({ body }) => {
      const id = parseAttributes(body.subarray(4)).get(NFTA_GEN_ID);
      if (id !== undefined) generation = id.readUInt32BE();
    });
    return generation;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
