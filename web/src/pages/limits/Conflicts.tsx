import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { Icon } from '../../ui/Icon'
import type { Editor } from './useEditor'

/** Conflicts asks about the values that somebody else has changed too. Everything else is merged already. */
export function Conflicts({ editor }: { editor: Editor }) {
  if (editor.conflicts.length === 0) return null
  return (
    <Alert color="orange" icon={<Icon name="warn" />} title="Somebody else has changed these too" role="alert">
      <Stack gap="sm">
        {editor.conflicts.map((conflict) => (
          <Group key={conflict.path.join('\n')} justify="space-between" gap="xs">
            <Text size="sm" ff="monospace" className="break">
              {conflict.path.join('.')}
            </Text>
            <Group gap="xs">
              <Button size="compact-sm" variant="default" onClick={() => editor.resolve(conflict, false)}>
                Theirs: {write(conflict.theirs)}
              </Button>
              <Button size="compact-sm" variant="default" onClick={() => editor.resolve(conflict, true)}>
                Mine: {write(conflict.mine)}
              </Button>
            </Group>
          </Group>
        ))}
      </Stack>
    </Alert>
  )
}

const write = (value: unknown) => (value === null ? 'inherits' : value === -1 ? 'Unlimited' : value === 0 ? 'Blocked' : typeof value === 'object' ? 'changed' : String(value))
