import { Paper } from '@mantine/core'
import { Empty } from '../../ui/View'
import { ButtonLink } from '../../ui/links'

/** NoRequestYet leads to the first run while nothing has been counted. */
export function NoRequestYet({ projectId }: { projectId: string }) {
  return (
    <Paper>
      <Empty
        icon="start"
        title="No request yet"
        action={
          <ButtonLink to="/p/$projectId/start" params={{ projectId }} mt="xs">
            Send the first request
          </ButtonLink>
        }
      >
        The figures begin with the first one. Setup has a request with this project’s values to paste into a terminal.
      </Empty>
    </Paper>
  )
}
