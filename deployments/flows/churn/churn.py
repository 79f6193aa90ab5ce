"""A flow of a larger project: its deployments are kept apart by branch."""

from metaflow import FlowSpec, current, project, step


@project(name="growth")
class ChurnFlow(FlowSpec):
    """Notes which project, branch and flow name it runs as.

    In production that is `growth.prod.ChurnFlow`, elsewhere `growth.test.<branch>.ChurnFlow`.
    """

    @step
    def start(self):
        """Every step knows the names, as it would with any of Metaflow's schedulers."""
        self.project = current.project_name
        self.branch = current.branch_name
        self.qualified_name = current.project_flow_name
        self.production = current.is_production
        self.next(self.end)

    @step
    def end(self):
        """Show them."""
        print(f"{self.qualified_name} (production: {self.production})")


if __name__ == "__main__":
    ChurnFlow()
