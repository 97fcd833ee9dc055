/** Words of Go's for what Bun's connections fail with; scripts and people know them. */
const CONNECTION_FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "dial tcp HOST: connect: connection refused",
  ECONNRESET: "read tcp HOST: read: connection reset by peer",
  ENOTFOUND: "dial tcp: lookup NAME: no such host",
  EAI_AGAIN: "dial tcp: lookup NAME: temporary failure in name resolution",
  ENETUNREACH: "dial tcp HOST: connect: network is unreachable",
  EHOSTUNREACH: "dial tcp HOST: connect: no route to host",
  EPIPE: "write tcp HOST: write: broken pipe",
  ETIMEDOUT: "i/o timeout",
  EPROTO: "http: server gave HTTP response to HTTPS client",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  SELF_SIGNED_CERT_IN_CHAIN:
    "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  UNABLE_TO_GET_ISSUER_CERT:
    "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  CERT_HAS_EXPIRED: "tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
  CERT_NOT_YET_VALID: "tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
};

/** Why a request got no answer, in Go's words where it has some: `dial tcp 127.0.0.1:80: connect: connection refused`. */
export function connectionFailure(url: URL, error: unknown): string {
  const { code = "", message = String(error) } = error as { code?: string; message?: string };
  return (CONNECTION_FAILURES[code] ?? message).replace("HOST", url.host).replace("NAME", url.hostname);
}
