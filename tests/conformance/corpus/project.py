"""Every step knows its project, branch and deployment."""

from metaflow import FlowSpec, current, project, step

CASE = {
    "shows": ["`@project`: branch and production from the environment"],
    "project": "growth",
    "tags": ["project:growth", "project_branch:test.column"],
    "artifacts": {
        "start": {"told": ["growth", "test.column", "growth.test.column.ProjectFlow", False]},
        "end": {"told": ["growth", "test.column", "growth.test.column.ProjectFlow", False]},
    },
}


@project(name="growth")
class ProjectFlow(FlowSpec):
    @step
    def start(self):
        self.told = [current.project_name, current.branch_name, current.project_flow_name, current.is_production]
        self.next(self.end)

    @step
    def end(self):
        self.told = [current.project_name, current.branch_name, current.project_flow_name, current.is_production]


if __name__ == "__main__":
    ProjectFlow()
