import { Stack, Text } from '@mantine/core'
import { isEmpty, type JsonObject } from '../../settings/patch'
import { Code } from '../../ui/Code'

/** JsonView shows the same document as JSON, with the draft laid over, and the draft alone as the merge patch that it is. */
export function JsonView({ document, patch }: { document: JsonObject; patch: JsonObject }) {
  return (
    <Stack>
      {!isEmpty(patch) && (
        <div>
          <Text size="sm" fw={600} mb={4}>
            Not saved: the change as a merge patch
          </Text>
          <Code text={JSON.stringify(patch, null, 2)} label="The change as a merge patch" />
        </div>
      )}
      <div>
        <Text size="sm" fw={600} mb={4}>
          The settings
        </Text>
        <Code text={JSON.stringify(document, null, 2)} label="The settings as JSON" />
      </div>
    </Stack>
  )
}
