"""What the node does with a slide: receive, count, report, deliver."""
