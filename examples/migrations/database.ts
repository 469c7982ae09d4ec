import { postgres } from 'airplant/presets'

/**
 * A server whose database has all migrations. They run once: what they made is kept as a layer, in the image store, and mounted by every
 * later start in any process. When a file below migrations/ changes, they run again, and only then.
 */
export const database = {
  ...postgres({ image: 'postgres:15' }),
  inputs: { files: 'migrations/*.sql' },
  prepare: async (server: { copyIn: Copy; exec: Exec }): Promise<void> => {
    await server.copyIn({ source: 'migrations', target: '/migrations' })
    const { exitCode, output } = await server.exec([
      'sh',
      '-c',
      'for file in /migrations/*.sql; do psql -q -v ON_ERROR_STOP=1 -U test -f "$file" test || exit; done',
    ])
    if (exitCode !== 0) throw new Error(output)
  },
}

type Copy = (files: { source: string; target: string }) => Promise<void>
type Exec = (command: readonly string[]) => Promise<{ exitCode: number | null; output: string }>
