import type { RegistryClient } from '../images/registry/registry-client.ts'
import type { SearchResult } from '../images/registry/search.ts'
import type { Command } from './command.ts'
import type { Row } from './print-list.ts'
import { formatFlag, printList, shorten } from './print-list.ts'
import type { Filters } from './read-filters.ts'
import { filterFlag, readFilters, switchOf } from './read-filters.ts'
import { usageError } from './usage-error.ts'

const SHORT = 45
const MOST = 100

/** `airplant search`: in Docker Hub, or in the catalog of a registry. */
export const searchCommand: Command = {
  name: 'search',
  usage: '[FLAGS] [REGISTRY/]TERM',
  about:
    'Looks for images by a part of their name: in Docker Hub and its mirrors, or in a registry that has a list of what it holds.',
  flags: [
    filterFlag('is-official=true, stars=NUMBER'),
    formatFlag,
    { name: 'limit', value: 'NUMBER', help: `Most results, up to ${MOST}. Default 25` },
    { name: 'no-trunc', help: 'Whole descriptions' },
  ],
  words: [1, 1],
  examples: ['airplant search postgres', 'airplant search registry.example.com/team'],
  async run(line) {
    const limit = Number(line.value('limit') ?? 25)
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST) {
      throw usageError(`Cannot use --limit ${line.value('limit')}`, `Give a number from 1 to ${MOST}`)
    }
    const fits = searchFilter(readFilters(line, ['is-official', 'is-automated', 'stars']))
    const word = line.words[0] ?? ''
    const { openClient } = await import('../images/open-client.ts')
    const results = (await search(await openClient(word, { env: process.env }), word, limit)).filter(fits)
    const rows = results.map((result) => rowOf(result, line.isOn('no-trunc')))
    await printList(line, rows, headings, ['Name', 'Description', 'StarCount', 'IsOfficial'])
    return 0
  },
}

async function search(opened: RegistryClient, word: string, limit: number): Promise<SearchResult[]> {
  await using client = opened
  return await client.search(word, { limit })
}

function searchFilter(filters: Filters): (result: SearchResult) => boolean {
  const official = switchOf(filters, 'is-official')
  const stars = Number(filters.get('stars')?.at(-1) ?? 0)
  if (!Number.isInteger(stars)) throw usageError('Cannot filter by stars: not a number', 'Write stars=10')
  return (result) => (official === undefined || result.official === official) && result.stars >= stars
}

const headings: Row = {
  ...{ Name: 'NAME', Description: 'DESCRIPTION', StarCount: 'STARS', IsOfficial: 'OFFICIAL' },
  IsAutomated: 'AUTOMATED',
}

function rowOf({ name, description, stars, official }: SearchResult, isWhole: boolean): Row {
  return {
    Name: name,
    Description: isWhole ? description : shorten(description, SHORT),
    StarCount: String(stars),
    IsOfficial: official ? '[OK]' : '',
    IsAutomated: '',
  }
}
