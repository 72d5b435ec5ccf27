"""What messages look like: plain text, HTML and the cards of chats, all from events alone and in one design."""
