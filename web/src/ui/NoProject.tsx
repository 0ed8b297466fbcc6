import { Empty } from './View'
import { ButtonLink } from './links'

/** NoProject is shown for a project that does not exist, or that the user is no member of. */
export function NoProject() {
  return (
    <Empty
      icon="projects"
      title="There is no such project"
      action={
        <ButtonLink to="/projects" mt="xs">
          Your projects
        </ButtonLink>
      }
    >
      It may have been deleted, or you are not a member of it. Ask an owner of the project for an invitation.
    </Empty>
  )
}
