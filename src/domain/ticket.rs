//! Where a ticket is to be read: the address that the config names, with the ticket in it. Tickets are typed by people, so whatever
//! is in one stays one part of that address.

/// What stands for the ticket in the address.
const TICKET: &str = "{ticket}";
/// The scheme of every such address.
const SCHEME: &str = "https://";
/// Longest address without a ticket: with one it fits wherever Slack takes a link.
const LONGEST: usize = 300;

/// The address of tickets: `https://tickets.example/browse/{ticket}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketLinks {
    before: String,
    after: String,
}

impl TicketLinks {
    /// Reads what the config says.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn parse(text: &str) -> Result<TicketLinks, String> {
        let wrong =
            |why: &str| Err(format!("`{text}` {why}; write one such as `https://tickets.example/browse/{TICKET}`"));
        if !text.starts_with(SCHEME) {
            return wrong("is not an address that begins with https://");
        }
        let parts: Vec<&str> = text.split(TICKET).collect();
        let [before, after] = parts.as_slice() else {
            return wrong("has to name `{ticket}` once, where the ticket's number goes");
        };
        // A ticket never says which host is asked.
        let host = before.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/')).map_or("", |(host, _)| host);
        if !host.starts_with(|c: char| c.is_ascii_alphanumeric()) || host.contains('@') {
            return wrong("has to name a host, and `{ticket}` after the first slash behind it");
        }
        let taken = |c: char| c.is_ascii_graphic() && !"<>|\"'`\\{}^".contains(c);
        if text.len() > LONGEST || ![before, after].into_iter().all(|part| part.chars().all(taken)) {
            return wrong("is not an address as browsers write it");
        }
        Ok(TicketLinks { before: (*before).to_owned(), after: (*after).to_owned() })
    }

    /// The address of one: percent-encoded, so that nothing in a ticket can end the link or lead elsewhere.
    pub fn address(&self, ticket: &str) -> String {
        let encoded = ticket.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
            out
        });
        format!("{}{encoded}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_stays_one_part_of_the_address_whatever_is_in_it() {
        let links = TicketLinks::parse("https://tickets.example/browse/{ticket}?from=bbws").unwrap();
        assert_eq!(links.address("INC-123"), "https://tickets.example/browse/INC-123?from=bbws");
        for hostile in ["../../admin", "x>|y", "a b", "\" onclick=\"", "?q=1#f", "%2e%2e", "é", "..", "&amp;"] {
            let address = links.address(hostile);
            let ticket = address
                .strip_prefix("https://tickets.example/browse/")
                .and_then(|rest| rest.strip_suffix("?from=bbws"));
            let ticket = ticket.unwrap();
            assert!(ticket.chars().all(|c| c.is_ascii_alphanumeric() || "-_~%".contains(c)), "{address}");
        }
    }

    #[test]
    fn what_is_no_address_of_tickets_is_refused() {
        for wrong in [
            "http://tickets.example/{ticket}",
            "https://tickets.example/browse/",
            "https://tickets.example/{ticket}/{ticket}",
            "https://{ticket}.example/",
            "https://tickets.example{ticket}",
            "https://user@tickets.example/{ticket}",
            "https:///{ticket}",
            "https://tickets.example/<b>/{ticket}",
            "https://tickets.example/a b/{ticket}",
            "tickets.example/{ticket}",
        ] {
            let why = TicketLinks::parse(wrong).unwrap_err();
            assert!(why.contains(wrong) && why.ends_with("`https://tickets.example/browse/{ticket}`"), "{why}");
        }
    }
}
