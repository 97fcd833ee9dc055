/** The engine as a service of systemd (systemd.service(5)). @param executable the path of `berth` */
export function serviceUnit(executable: string): string {
  return `[Unit]
Description=berth container engine
After=network-online.target nss-lookup.target firewalld.service nftables.service time-set.target berth.socket
Wants=network-online.target
Requires=berth.socket
StartLimitIntervalSec=60
StartLimitBurst=3

[Service]
Type=notify
NotifyAccess=main
ExecStart=${executable} daemon
ExecReload=/bin/kill -s HUP $MAINPID
# What containers did while no engine ran is looked at first: that may take a while.
TimeoutStartSec=0
Restart=always
RestartSec=2
# Containers go on while the engine is stopped, crashes or is updated.
KillMode=process
# The engine makes cgroups of its own.
Delegate=yes
TasksMax=infinity
LimitNOFILE=infinity
LimitNPROC=infinity
LimitCORE=infinity
OOMScoreAdjust=-500
# The garbage collector keeps little garbage, see https://bun.sh: 256 MB is what it believes the machine to have.
Environment=BUN_JSC_forceRAMSize=268435456

[Install]
WantedBy=multi-user.target
`;
}

/** Where clients come in: there before the engine is, so that the first of them waits instead of failing. */
export function socketUnit(): string {
  return `[Unit]
Description=berth container engine's socket

[Socket]
ListenStream=/run/berth.sock
FileDescriptorName=berth.socket
# Whoever may use it is root on this machine.
SocketMode=0660
SocketUser=root
SocketGroup=berth

[Install]
WantedBy=sockets.target
`;
}

/** In the order in which they are started. */
export const UNITS = ["berth.socket", "berth.service"];
