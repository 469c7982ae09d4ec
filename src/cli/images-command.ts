import type { ListedImage } from '../images/store/list-images.ts'
import type { Command } from './command.ts'
import { humanAge, humanSize } from './human.ts'
import { imageFilter, imageFilterNames } from './image-filters.ts'
import { withStore } from './image-session.ts'
import type { Row } from './print-list.ts'
import { formatFlag, printList } from './print-list.ts'
import { printText } from './print-text.ts'
import { filterFlag, readFilters } from './read-filters.ts'
import { shortId } from './short-id.ts'

const NONE = '<none>'

/** `airplant images`. */
export const imagesCommand: Command = {
  name: 'images',
  usage: '[FLAGS] [REPOSITORY[:TAG]]',
  about: 'Lists the images in the store, newest first. REPOSITORY may have * and ?.',
  flags: [
    { name: 'all', short: 'a', help: 'Accepted: there are no intermediate images to hide' },
    { name: 'digests', help: 'Show digests' },
    filterFlag('dangling=true, reference=PATTERN, label=NAME[=VALUE], before=IMAGE, since=IMAGE, until=24h'),
    formatFlag,
    { name: 'no-trunc', help: 'Whole IDs' },
    { name: 'quiet', short: 'q', help: 'Print only IDs' },
    { name: 'tree', refused: { why: 'an image here is of one platform', instead: 'Leave it out' } },
  ],
  words: [0, 1],
  examples: ["airplant images 'post*'", 'airplant rmi $(airplant images -q -f dangling=true)'],
  async run(line) {
    const filters = new Map(readFilters(line, [...imageFilterNames, 'label!']))
    if (line.words.length > 0) filters.set('reference', [...line.words])
    const all = await withStore(({ store }) => store.list())
    const rows = all.filter(imageFilter(filters, all, Date.now()))
    if (line.isOn('quiet') && line.value('format') === undefined) {
      const ids = rows.map(({ id }) => `${shortId(id, { isWhole: line.isOn('no-trunc') })}\n`)
      await printText(ids.join(''))
      return 0
    }
    const columns = ['Repository', 'Tag', ...(line.isOn('digests') ? ['Digest'] : []), 'ID', 'CreatedSince', 'Size']
    const shown = rows.map((image) => rowOf(image, { isWhole: line.isOn('no-trunc') }, Date.now()))
    await printList(line, shown, headings, columns)
    return 0
  },
}

const headings: Row = {
  ...{ Repository: 'REPOSITORY', Tag: 'TAG', Digest: 'DIGEST', ID: 'IMAGE ID', CreatedSince: 'CREATED' },
  ...{ CreatedAt: 'CREATED AT', Size: 'SIZE', Containers: 'CONTAINERS', SharedSize: 'SHARED SIZE' },
  ...{ UniqueSize: 'UNIQUE SIZE', VirtualSize: 'SIZE' },
}

function rowOf(image: ListedImage, ids: { isWhole: boolean }, now: number): Row {
  const { id, repository = NONE, tag = NONE, digest = NONE, created, bytes } = image
  const size = humanSize(bytes)
  return {
    ...{ Repository: repository, Tag: tag, Digest: digest, ID: shortId(id, ids), CreatedSince: humanAge(created, now) },
    ...{ CreatedAt: created ?? 'N/A', Size: size, Containers: 'N/A', SharedSize: 'N/A', UniqueSize: 'N/A' },
    VirtualSize: size,
  }
}
