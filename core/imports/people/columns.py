"""The columns that an import of people knows, and which header means which."""

from collections.abc import Sequence

from core.folding import fold
from core.imports import mapping
from core.imports.mapping import Columns
from core.imports.people import custom_fields

FIELDS = {
    "name": "Name",
    "first_name": "First name",
    "last_name": "Last name",
    "email": "E-mail",
    "team": "Team",
    "role": "Role",
    "group": "Group",
    "tags": "Tags",
    "enrollments": "Enrollments",
    "company": "Company",
}
REQUIRED = "email"
SEPARATOR = ";"  # between several teams, tags, groups or enrollments of one cell
TEMPLATE = ["First name", "Last name", "Email", "Team", "Role", "Tags", "Group", "Enrollments"]

# The usual headers in English, German, French and Spanish, as `mapping.plain` returns them.
_SYNONYMS = {
    "name": """name fullname username studentname displayname personname contactname membername
        namedesnutzers vollername vollstandigername benutzer mitarbeiter teilnehmer teilnehmername
        nomcomplet nometprenom prenometnom nomprenom prenomnom utilisateur nombrecompleto nombreyapellidos
        nombreyapellido usuario""",
    "first_name": """firstname givenname forename first vorname rufname prenom nombre nombres primernombre
        userfirstname""",
    "last_name": """lastname surname familyname last nachname familienname zuname nom nomdefamille apellido
        apellidos primerapellido userlastname""",
    "email": """email emailaddress mail mailaddress useremail emailid workemail businessemail
        primaryemail login studentemail eadresse emailadresse mailadresse epost emailadressegeschaftlich
        courriel adressemail adresseemail adresseelectronique adressedemessagerie mel
        correo correoelectronico direcciondecorreo direcciondecorreoelectronico emailprofesional""",
    "team": """team teams teamname teamnames department class classroom
        abteilung klasse mannschaft equipe equipes service departement classe
        equipo equipos departamento clase""",
    "company": """company companyname organisation organization firma unternehmen entreprise societe
        empresa compania organizacion""",
    "role": "role roles rolename teamrole rolle funktion fonction rol funcion papel",
    "group": """group groups groupname groupnames thinkificgroup thinkificgroups gruppe gruppen groupe groupes
        grupo grupos""",
    "tags": """tag tags label labels schlagwort schlagworte schlagworter etikett etiketten etiquette
        etiquettes motscles etiqueta etiquetas""",
    "enrollments": """enrollment enrollments enrolment enrolments course courses courseid courseids product
        products productid productids productableid productableids bundle bundles kurs kurse kurseinschreibung
        einschreibung einschreibungen produkt produkte cours inscription inscriptions produit produits
        curso cursos inscripcion inscripciones matricula producto productos""",
}
_MEANING = mapping.meanings(_SYNONYMS)
# What an older file of failed lines says; it is no column to import.
ERROR_HEADER = "Error"


def fields() -> dict[str, str]:
    """Returns the fields that a column can be mapped to, each with its name on screens."""
    return FIELDS | custom_fields.known()


def guess(headers: Sequence[str]) -> Columns:
    """Returns what each header means, as far as it is known. A field is given once, to the first header that
    means it. "Name" beside a first name is the last name; companies are teams where no column names teams."""
    own = {fold(label): field for field, label in custom_fields.known().items()}
    found = mapping.first_of_each(_MEANING.get(mapping.plain(one)) or own.get(fold(one)) for one in headers)
    if "team" not in found.values():
        found = {index: "team" if field == "company" else field for index, field in found.items()}
    return _whole_names(found)


def _whole_names(found: Columns) -> Columns:
    fields = set(found.values())
    if "name" in fields and "first_name" in fields and "last_name" not in fields:
        return {index: "last_name" if field == "name" else field for index, field in found.items()}
    if "last_name" in fields and "first_name" not in fields and "name" not in fields:
        # "Nom" alone is the whole name, and so is every single column of names.
        return {index: "name" if field == "last_name" else field for index, field in found.items()}
    if "first_name" in fields and "last_name" not in fields:
        return {index: "name" if field == "first_name" else field for index, field in found.items()}
    return found


def problem_with(columns: Columns, headers: Sequence[str]) -> str:
    """Returns what is wrong with a mapping, in a sentence; empty when it can be used."""
    if why := mapping.problem_with(columns, headers, fields()):
        return why
    if REQUIRED not in columns.values():
        return "No column is mapped to E-mail. People are told apart by their address: choose its column."
    if "name" in columns.values() and {"first_name", "last_name"} & set(columns.values()):
        return "Map either Name, or First name and Last name. Ignore the others."
    return ""
