-- The latest attempt to get a credential a new access token, as JSON: `until` while it is under way, or why it `failed`.
ALTER TABLE credentials ADD COLUMN refreshing TEXT;
