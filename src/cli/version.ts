/** The version of client and daemon, which are one program; a test holds it to package.json's. */
export const VERSION = "0.1.0";
