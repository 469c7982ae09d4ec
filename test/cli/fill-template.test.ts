import { expect, test } from 'vitest'
import { fillTemplate } from '../../src/cli/fill-template.ts'

const document = {
  ID: 'abc',
  Size: 12,
  Tags: ['a', 'b'],
  Config: { Env: ['A=1', 'B=2'], Labels: { z: '1', a: '2' }, User: null, Tty: false },
}

test.each([
  ['{{.ID}} is {{ .Size }}', 'abc is 12'],
  ['{{.ID}}\\t{{.Size}}\\n', 'abc\t12\n'],
  ['{{json .Config.Env}}', '["A=1","B=2"]'],
  ['{{json .}}', JSON.stringify(document)],
  ['{{.Tags}} {{.Config.Labels}} {{.Config.Tty}}', '[a b] map[a:2 z:1] false'],
  ['{{.Config.User}} {{.Config.Nothing.Below}}', '<no value> <no value>'],
  ['{{join .Tags ", "}}', 'a, b'],
  ['{{index .Tags 1}} {{index .Config.Labels "z"}}', 'b 1'],
  ['{{len .Tags}} {{upper .ID}} {{lower "AB"}}', '2 ABC ab'],
  ['plain', 'plain'],
])('%s', (template, text) => {
  expect(fillTemplate(template, document)).toBe(text)
})

test('values are not read as templates', () => {
  expect(fillTemplate('{{.ID}}', { ID: '{{.Size}} \\t $&' })).toBe('{{.Size}} \\t $&')
})

test('a field that is not there is named, with those that are', () => {
  expect(() => fillTemplate('{{.Id}}', document)).toThrow(/there is no "Id"\nHint: There are: ID, Size, Tags, Config/)
})

test.each([
  '{{range .Tags}}x{{end}}',
  '{{if .ID}}y{{end}}',
  '{{.ID | json}}',
  '{{.__proto__.x y}}',
  '{{constructor .ID}}',
])('%s is refused', (template) => {
  expect(() => fillTemplate(template, document)).toThrow(/Cannot use the template/)
})
