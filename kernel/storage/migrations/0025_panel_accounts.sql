-- Whose an account at a panel is, asked whenever a panel answers.
CREATE INDEX services_panel_account ON services (panel, panel_reference) WHERE panel_reference <> '';
