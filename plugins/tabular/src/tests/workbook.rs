//! Workbooks made part by part, as the format (ECMA-376) has them.

use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A workbook to be.
#[derive(Clone, Default)]
pub struct Workbook {
    /// Name, whether hidden, and the XML of its rows.
    sheets: Vec<(String, bool, String)>,
    texts: Vec<String>,
    is_1904: bool,
}

impl Workbook {
    pub fn sheet(mut self, name: &str, rows: &str) -> Self {
        self.sheets.push((name.to_owned(), false, rows.to_owned()));
        self
    }

    pub fn hidden(mut self, name: &str, rows: &str) -> Self {
        self.sheets.push((name.to_owned(), true, rows.to_owned()));
        self
    }

    /// Shared texts, each the XML within `<si>`.
    pub fn texts(mut self, texts: &[&str]) -> Self {
        self.texts = texts.iter().map(|text| (*text).to_owned()).collect();
        self
    }

    pub fn in_1904(mut self) -> Self {
        self.is_1904 = true;
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        const LINKS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
        const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let mut part = |name: &str, content: &[u8]| {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        };
        let (mut sheets, mut links) = (String::new(), String::new());
        for (at, (name, is_hidden, _)) in self.sheets.iter().enumerate() {
            let number = at + 1;
            let state = if *is_hidden { " state=\"hidden\"" } else { "" };
            sheets += &format!(
                "<sheet name=\"{name}\" sheetId=\"{number}\"{state} r:id=\"rId{number}\"/>"
            );
            links += &format!(
                "<Relationship Id=\"rId{number}\" Type=\"{OFFICE}/worksheet\" \
                 Target=\"worksheets/sheet{number}.xml\"/>"
            );
        }
        let date1904 = u8::from(self.is_1904);
        part("[Content_Types].xml", b"<Types/>");
        part(
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{LINKS}\"><Relationship Id=\"w\" \
                 Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            )
            .as_bytes(),
        );
        part(
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\">\
                 <workbookPr date1904=\"{date1904}\"/><sheets>{sheets}</sheets></workbook>"
            )
            .as_bytes(),
        );
        links += &format!(
            "<Relationship Id=\"s\" Type=\"{OFFICE}/styles\" Target=\"styles.xml\"/>\
             <Relationship Id=\"t\" Type=\"{OFFICE}/sharedStrings\" Target=\"sharedStrings.xml\"/>"
        );
        part(
            "xl/_rels/workbook.xml.rels",
            format!("<Relationships xmlns=\"{LINKS}\">{links}</Relationships>").as_bytes(),
        );
        // Style 1: a date; 2: a date with time; 3: hours beyond a day; 4: a time.
        part(
            "xl/styles.xml",
            format!(
                "<styleSheet xmlns=\"{MAIN}\"><numFmts><numFmt numFmtId=\"164\" \
                 formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss\"/><numFmt numFmtId=\"165\" \
                 formatCode=\"[h]:mm:ss\"/></numFmts><cellXfs><xf numFmtId=\"0\"/>\
                 <xf numFmtId=\"14\"/><xf numFmtId=\"164\"/><xf numFmtId=\"165\"/>\
                 <xf numFmtId=\"21\"/></cellXfs></styleSheet>"
            )
            .as_bytes(),
        );
        let texts: String = self
            .texts
            .iter()
            .map(|text| format!("<si>{text}</si>"))
            .collect();
        part(
            "xl/sharedStrings.xml",
            format!("<sst xmlns=\"{MAIN}\">{texts}</sst>").as_bytes(),
        );
        for (at, (_, _, rows)) in self.sheets.iter().enumerate() {
            part(
                &format!("xl/worksheets/sheet{}.xml", at + 1),
                format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>")
                    .as_bytes(),
            );
        }
        zip.finish().unwrap().into_inner()
    }
}

/// A cell with text of its own.
pub fn text(text: &str) -> String {
    format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

/// A cell with a number in that style.
pub fn number(number: &str, style: u32) -> String {
    format!("<c s=\"{style}\"><v>{number}</v></c>")
}

/// A row of cells.
pub fn row(cells: &[String]) -> String {
    format!("<row>{}</row>", cells.concat())
}

/// A row of texts.
pub fn texts(cells: &[&str]) -> String {
    row(&cells.iter().map(|cell| text(cell)).collect::<Vec<_>>())
}
