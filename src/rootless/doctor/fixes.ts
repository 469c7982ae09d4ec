import type { Facts } from './facts.ts'

/** `sudo `, or nothing where we are root already. */
export function sudo(facts: Facts): string {
  return facts.identity.uid === 0 ? '' : 'sudo '
}

/** Sets a kernel parameter now and at every boot. */
export function setSysctl(facts: Facts, name: string, value: string | number): string {
  const file = `/etc/sysctl.d/90-airplant-${name.replace(/[^a-z0-9]+/g, '-')}.conf`
  return `echo '${name} = ${value}' | ${sudo(facts)}tee ${file} && ${sudo(facts)}sysctl -p ${file}`
}

/** Lets programs in the AppArmor of Ubuntu 23.10 and later make user namespaces: everybody's, or only the keeper's. */
export function apparmorFixes(facts: Facts, keeper: string | undefined): string[] {
  const path = keeper ?? '/**/node_modules/airplant/{dist/keeper,prebuilt/linux-*}/airplant-keeper'
  const profile = [
    'abi <abi/4.0>,',
    'include <tunables/global>',
    `profile airplant-keeper ${path.includes(' ') ? `"${path}"` : path} flags=(unconfined) {`,
    '  userns,',
    '}',
  ].join('\n')
  const file = '/etc/apparmor.d/airplant-keeper'
  return [
    `${setSysctl(facts, 'kernel.apparmor_restrict_unprivileged_userns', 0)}   # for every program`,
    `${sudo(facts)}tee ${file} <<'EOF' && ${sudo(facts)}apparmor_parser -r ${file}   # or: for the keeper only\n${profile}\nEOF`,
  ]
}

/** How the outer container has to be started for containers inside it. */
export function outerContainerFixes({ surroundings }: Facts): string[] {
  const devices = '--device /dev/fuse --device /dev/net/tun'
  const docker =
    'docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined ' +
    `--security-opt systempaths=unconfined ${devices} ...`
  const podman =
    "podman run --security-opt seccomp=unconfined --security-opt 'unmask=/proc/*' " +
    `--security-opt label=disable ${devices} ...`
  const pod =
    'Pod: spec: { hostUsers: false, containers: [{ securityContext: { procMount: Unmasked, ' +
    'seccompProfile: { type: Unconfined }, appArmorProfile: { type: Unconfined } } }] }'
  switch (surroundings.container) {
    case 'docker':
      return [docker]
    case 'podman':
      return [podman]
    case 'kubernetes':
      return [pod]
    case 'other':
    case undefined:
      return [docker, podman, pod]
  }
}
