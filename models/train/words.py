# SPDX-License-Identifier: Apache-2.0
"""Word lists: translations, opposites, categories, names and other slot values."""
from tables import rows

# English | Spanish | French | German
TRANSLATIONS = rows("""
hello | hola | bonjour | hallo
goodbye | adiós | au revoir | auf Wiedersehen
thank you | gracias | merci | danke
please | por favor | s'il vous plaît | bitte
yes | sí | oui | ja
no | no | non | nein
good morning | buenos días | bonjour | guten Morgen
good night | buenas noches | bonne nuit | gute Nacht
water | agua | eau | Wasser
bread | pan | pain | Brot
milk | leche | lait | Milch
cheese | queso | fromage | Käse
apple | manzana | pomme | Apfel
orange | naranja | orange | Orange
egg | huevo | œuf | Ei
meat | carne | viande | Fleisch
fish | pescado | poisson | Fisch
coffee | café | café | Kaffee
tea | té | thé | Tee
wine | vino | vin | Wein
sugar | azúcar | sucre | Zucker
salt | sal | sel | Salz
dog | perro | chien | Hund
cat | gato | chat | Katze
horse | caballo | cheval | Pferd
cow | vaca | vache | Kuh
bird | pájaro | oiseau | Vogel
mouse | ratón | souris | Maus
house | casa | maison | Haus
door | puerta | porte | Tür
window | ventana | fenêtre | Fenster
table | mesa | table | Tisch
chair | silla | chaise | Stuhl
bed | cama | lit | Bett
kitchen | cocina | cuisine | Küche
garden | jardín | jardin | Garten
street | calle | rue | Straße
city | ciudad | ville | Stadt
country | país | pays | Land
car | coche | voiture | Auto
train | tren | train | Zug
bicycle | bicicleta | vélo | Fahrrad
ship | barco | bateau | Schiff
book | libro | livre | Buch
letter | carta | lettre | Brief
school | escuela | école | Schule
teacher | profesor | professeur | Lehrer
friend | amigo | ami | Freund
mother | madre | mère | Mutter
father | padre | père | Vater
brother | hermano | frère | Bruder
sister | hermana | sœur | Schwester
child | niño | enfant | Kind
man | hombre | homme | Mann
woman | mujer | femme | Frau
day | día | jour | Tag
night | noche | nuit | Nacht
week | semana | semaine | Woche
month | mes | mois | Monat
year | año | an | Jahr
today | hoy | aujourd'hui | heute
tomorrow | mañana | demain | morgen
sun | sol | soleil | Sonne
moon | luna | lune | Mond
star | estrella | étoile | Stern
sky | cielo | ciel | Himmel
sea | mar | mer | Meer
river | río | rivière | Fluss
mountain | montaña | montagne | Berg
tree | árbol | arbre | Baum
flower | flor | fleur | Blume
rain | lluvia | pluie | Regen
snow | nieve | neige | Schnee
fire | fuego | feu | Feuer
red | rojo | rouge | rot
blue | azul | bleu | blau
green | verde | vert | grün
yellow | amarillo | jaune | gelb
black | negro | noir | schwarz
white | blanco | blanc | weiß
big | grande | grand | groß
small | pequeño | petit | klein
good | bueno | bon | gut
bad | malo | mauvais | schlecht
new | nuevo | nouveau | neu
old | viejo | vieux | alt
hot | caliente | chaud | heiß
cold | frío | froid | kalt
love | amor | amour | Liebe
peace | paz | paix | Frieden
time | tiempo | temps | Zeit
money | dinero | argent | Geld
work | trabajo | travail | Arbeit
music | música | musique | Musik
one | uno | un | eins
two | dos | deux | zwei
three | tres | trois | drei
four | cuatro | quatre | vier
five | cinco | cinq | fünf
six | seis | six | sechs
seven | siete | sept | sieben
eight | ocho | huit | acht
nine | nueve | neuf | neun
ten | diez | dix | zehn
I love you | te quiero | je t'aime | ich liebe dich
How are you? | ¿Cómo estás? | Comment ça va ? | Wie geht es dir?
My name is Anna. | Me llamo Anna. | Je m'appelle Anna. | Ich heiße Anna.
""")
LANGUAGES = ("Spanish", "French", "German")

OPPOSITES = rows("""
hot | cold
big | small
tall | short
fast | slow
happy | sad
light | dark
day | night
up | down
left | right
open | closed
old | young
new | old
rich | poor
hard | soft
easy | difficult
loud | quiet
full | empty
clean | dirty
early | late
wet | dry
strong | weak
high | low
near | far
good | bad
true | false
black | white
first | last
inside | outside
begin | end
love | hate
war | peace
win | lose
buy | sell
give | take
push | pull
sweet | sour
thick | thin
wide | narrow
brave | afraid
friend | enemy
""")
SYNONYMS = rows("""
happy | glad
big | large
small | little
fast | quick
smart | clever
begin | start
end | finish
angry | mad
beautiful | pretty
tired | sleepy
rich | wealthy
sad | unhappy
easy | simple
hard | difficult
quiet | silent
brave | bold
funny | amusing
shout | yell
jump | leap
help | assist
answer | reply
gift | present
road | street
home | house
choose | pick
odd | strange
""")
PLURALS = rows("""
child | children
mouse | mice
foot | feet
tooth | teeth
goose | geese
man | men
woman | women
person | people
cat | cats
dog | dogs
box | boxes
bus | buses
city | cities
baby | babies
leaf | leaves
knife | knives
wolf | wolves
sheep | sheep
fish | fish
book | books
house | houses
tomato | tomatoes
""")
PAST = rows("""
go | went
see | saw
eat | ate
run | ran
write | wrote
take | took
come | came
give | gave
buy | bought
think | thought
walk | walked
play | played
sing | sang
swim | swam
make | made
find | found
speak | spoke
drink | drank
begin | began
fly | flew
""")
RHYMES = rows("""
cat | hat, bat and mat
sun | fun, run and bun
tree | bee, sea and free
moon | spoon, soon and tune
light | night, bright and kite
day | play, way and say
star | car, far and jar
rain | train, plane and chain
house | mouse, blouse and grouse
cake | lake, snake and make
blue | shoe, new and two
night | light, bright and sight
sky | fly, high and why
dog | frog, log and fog
""")

CATEGORIES = {
    "fruit": "apple banana orange pear grape cherry lemon peach plum mango kiwi melon".split(),
    "vegetable": "carrot potato onion cabbage spinach pea bean cucumber pumpkin leek".split(),
    "animal": "dog cat horse lion tiger bear wolf fox rabbit elephant monkey cow".split(),
    "bird": "eagle sparrow owl duck robin swan parrot penguin crow pigeon".split(),
    "color": "red blue green yellow orange purple pink brown black white gray".split(),
    "planet": "Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune".split(),
    "sport": "soccer tennis basketball swimming hockey golf rugby cycling volleyball".split(),
    "instrument": "piano guitar violin flute drum trumpet harp cello".split(),
    "tool": "hammer saw drill wrench screwdriver pliers shovel axe".split(),
    "drink": "water milk tea coffee juice lemonade cocoa".split(),
    "metal": "iron gold silver copper zinc tin nickel lead".split(),
    "flower": "rose tulip lily daisy sunflower violet orchid".split(),
    "vehicle": "car bus train bicycle truck boat airplane tram".split(),
    "furniture": "chair table bed sofa desk shelf cupboard lamp".split(),
    "clothing": "shirt hat coat scarf sock shoe glove dress".split(),
    "country": "France Germany Italy Spain Japan China Brazil Canada Egypt India Kenya Peru".split(
        ),
    "city": "Paris London Berlin Rome Madrid Tokyo Cairo Lima Oslo Vienna".split(),
    "shape": "circle square triangle rectangle hexagon oval".split(),
    "job": "teacher doctor farmer baker pilot painter nurse cook".split(),
    "season": "spring summer autumn winter".split(),
    "programming language": "Python C Rust Go Java JavaScript".split(),
    "number": "one two three four five six seven eight nine ten".split(),
}
PLURAL_OF = {"fruit": "fruits", "country": "countries", "city": "cities",
             "furniture": "pieces of furniture", "clothing": "pieces of clothing"}

FIRST_NAMES = ("Anna Ben Clara David Emma Felix Grace Henry Ida Jack Kate Leo Maria Noah Olivia "
               "Paul Quinn Rosa Sam Tom Uma Victor Wendy Yusuf Zoe Alice Bob Carol Daniel Eva "
               "Frank Hannah Ivan Julia Karl Lucy Max Nina Oscar Peter Rita Sarah Tim Vera "
               "Mia Omar Priya Chen Sofia Lucas Amir Elena Hugo Lena Marco Nadia Raj Tara Will "
               "Aisha Boris Diana Erik Fatima George Helen Igor Jana Kim Liam Mona Nils Otto").split()
LAST_NAMES = ("Smith Jones Brown Miller Davis Wilson Moore Taylor Clark Lewis Walker Young King "
              "Wright Hill Green Baker Carter Meyer Weber Rossi Silva Garcia Lopez Novak Kovac "
              "Tanaka Singh Khan Ali Larsen Berg Dubois Martin Schmidt Fischer").split()
CITIES = ("Paris London Berlin Rome Madrid Tokyo Cairo Lima Oslo Vienna Boston Chicago Dublin "
          "Sydney Toronto Mumbai Seoul Prague Lisbon Athens Warsaw Munich Geneva Denver Austin "
          "Zurich Hamburg Milan Lyon Porto").split()
FOODS = ("pizza pasta soup bread rice salad curry sushi pancakes cheese chocolate noodles "
         "apples ice-cream tacos cake").split()
HOBBIES = ("reading|painting|swimming|hiking|chess|gardening|cooking|dancing|fishing|running|"
           "photography|cycling|singing|knitting|skiing|writing").split("|")
PETS = "dog cat rabbit parrot hamster turtle horse goldfish".split()
PET_NAMES = "Rex Bella Luna Max Coco Buddy Milo Daisy Rocky Simba Nala Oreo Pepper Toby".split()
COLORS = CATEGORIES["color"]
JOBS = ("teacher doctor farmer baker pilot painter nurse cook engineer writer student driver "
        "lawyer musician programmer").split()
COMPANIES = ("Acme|Globex|Initech|Northwind|Bluebird|Sunrise Foods|Green Valley|Red Fox Books|"
             "Harbor Tools|Silver Lake|Maple Street Bakery").split("|")
ITEMS = ("apples books pens chairs tickets cups lamps shirts bags keys phones cookies flowers "
         "batteries boxes bottles plates stamps").split()
PLAIN_WORDS = ("apple banana table window garden yellow summer winter river school doctor music "
               "paper silver planet rocket castle bridge forest island dragon candle mirror pencil "
               "coffee orange purple monkey rabbit turtle kitchen morning evening holiday picture "
               "letter market number people simple travel water bread house chair light stone "
               "cloud dream heart green black white tiger zebra eagle lemon grape melon cat dog "
               "sun moon star tree book fish bird rain snow wind fire hand door road ship "
               "strawberry computer elephant butterfly mountain chocolate language question "
               "hello world happy funny little better seven eight three").split()
